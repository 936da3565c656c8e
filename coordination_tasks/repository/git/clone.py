"""Disposable bare clones of one remote on this host, shared by our processes.

A clone that is damaged, has a stale lock or too many loose objects is never repaired: a new one is
made beside it, `current` is pointed to it, and the old one is removed when no process holds it.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedRandom
from pathlib import Path

from coordination_tasks.domain.errors import CopyUnusable, Unavailable
from coordination_tasks.repository.git.process import make_repository

_CONFIG = "[core]\n\tfsync = none\n"
_OBJECT_ID = re.compile("[0-9a-f]{40}")
_CLONE = re.compile("clone-[0-9a-f]{12}")
_HELD = ".held"
_WORN = 40  # entries in one of 256 folders: some 10,000 loose objects
_REACHED, _UNREACHABLE = "reached", "unreachable"
"""Files whose times say when the remote answered last, and since when it has not."""


@dataclass(frozen=True, slots=True)
class Contact:
    """When the remote last answered with its newest version, and since when it has not; or None."""

    reached_at: datetime | None
    unreachable_since: datetime | None


class GitClone:
    """One clone, protected from removal by others until `close`."""

    TIP = "refs/remotes/origin/main"
    """The ref of the remote's branch."""
    REWRITTEN = "refs/remotes/origin/rewritten"
    """The ref of the rewritten branch, until it is adopted."""
    NOTES = "refs/remotes/origin/claim-request-"
    """Prefix of the refs of notes; the owner's name follows it."""

    def __init__(self, git_dir: Path, hold: BufferedRandom) -> None:
        self.git_dir = git_dir
        self._hold = hold

    def tip(self) -> str | None:
        """The commit of the remote's branch when it was last seen."""
        return self._value(self.TIP)

    def rewritten(self) -> str | None:
        """The commit at `REWRITTEN`."""
        return self._value(self.REWRITTEN)

    def notes(self) -> dict[str, str]:
        """Owner and commit of the notes at the last fetch."""
        folder, _, start = self.NOTES.rpartition("/")
        found = {
            path.name.removeprefix(start): self._value(f"{folder}/{path.name}")
            for path in (self.git_dir / folder).glob(f"{start}*")
        }
        return {owner: commit for owner, commit in sorted(found.items()) if commit}

    def remember(self, commit: str) -> None:
        """Record the tip for other processes and for the next fetch.

        Without git's ref lock: every value written here was the remote's tip once, so a race can at
        worst leave an older hint.
        """
        target = self.git_dir / self.TIP
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.parent / f".{uuid.uuid4().hex}"
        temporary.write_text(commit + "\n")
        temporary.replace(target)

    def is_worn(self) -> bool:
        """Whether it has so many loose objects that a new clone is faster."""
        with suppress(FileNotFoundError):
            return sum(1 for _ in (self.git_dir / "objects" / "17").iterdir()) > _WORN
        return False

    def close(self) -> None:
        """Allow others to remove it."""
        self._hold.close()

    def _value(self, ref: str) -> str | None:
        with suppress(FileNotFoundError):
            value = (self.git_dir / ref).read_text().strip()
            return value if _OBJECT_ID.fullmatch(value) else None
        return None


class CloneFolder:
    """The folder of the clones of one remote."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pointer = folder / "current"

    def open(self) -> GitClone | None:
        """The current clone; None when there is none."""
        while True:
            try:
                name = self._pointer.read_text(errors="replace")
            except FileNotFoundError:
                return None
            if not _CLONE.fullmatch(name):
                self._pointer.unlink(missing_ok=True)
                return None
            git_dir = self._folder / name
            hold = _hold(git_dir, fcntl.LOCK_SH)
            if hold and (git_dir / "HEAD").exists():
                return GitClone(git_dir, hold)
            if hold:
                hold.close()
            self.discard(git_dir)

    def create(self) -> GitClone:
        """A new empty clone, not current yet. Raises Unavailable when it cannot be made."""
        git_dir = self._folder / f"clone-{uuid.uuid4().hex[:12]}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            hold = _hold(git_dir, fcntl.LOCK_SH)
            if hold is None:
                raise Unavailable(f"another process holds the new clone {git_dir}")
            result = make_repository(git_dir)
            if result.code != 0:
                hold.close()
                if result.code is None or result.code < 0:
                    raise Unavailable(f"git init {git_dir} was killed")
                raise CopyUnusable(f"git init {git_dir} failed: {result.errors.strip()}")
            with (git_dir / "config").open("a") as config:
                config.write(_CONFIG)
        except OSError as error:
            raise CopyUnusable(f"cannot make the clone {git_dir}: {error}") from error
        return GitClone(git_dir, hold)

    def make_current(self, clone: GitClone) -> None:
        """Make this clone current for other processes, and remove unused ones."""
        temporary = self._folder / f".{uuid.uuid4().hex}"
        temporary.write_text(clone.git_dir.name)
        temporary.replace(self._pointer)
        self._sweep(clone.git_dir.name)

    def discard(self, git_dir: Path) -> None:
        """Stop using this clone, if it is still the current one."""
        with suppress(FileNotFoundError):
            if self._pointer.read_text() == git_dir.name:
                self._pointer.unlink()

    def note_contact(self, *, reached: bool) -> None:
        """Note that the remote has just answered, or that it could not be reached.

        A disk that is full must not end a command that only reads.
        """
        with suppress(OSError):
            if reached:
                (self._folder / _UNREACHABLE).unlink(missing_ok=True)
                (self._folder / _REACHED).touch()
            elif not (self._folder / _UNREACHABLE).exists():
                (self._folder / _UNREACHABLE).touch()

    def contact(self) -> Contact:
        """What all processes of this host noted."""
        return Contact(_time_of(self._folder / _REACHED), _time_of(self._folder / _UNREACHABLE))

    def _sweep(self, kept: str) -> None:
        names = {path.name.removesuffix(_HELD) for path in self._folder.glob("clone-*")}
        for git_dir in (self._folder / name for name in names - {kept}):
            hold = _hold(git_dir, fcntl.LOCK_EX)
            if hold is None:
                continue
            with hold:
                shutil.rmtree(git_dir, ignore_errors=True)
                _hold_file(git_dir).unlink(missing_ok=True)


def _time_of(path: Path) -> datetime | None:
    with suppress(OSError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return None


def _hold_file(git_dir: Path) -> Path:
    return git_dir.with_name(git_dir.name + _HELD)


def _hold(git_dir: Path, kind: int) -> BufferedRandom | None:
    """Lock a clone against (LOCK_SH) or for (LOCK_EX) removal; None when others hold it."""
    stream = _hold_file(git_dir).open("a+b")
    try:
        fcntl.flock(stream, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    return stream

"""The throw-away bare clones of one remote on this host, shared by our processes.

A clone that is damaged, stale-locked or full of loose objects is never mended: a new one is made
beside it, `current` is pointed there, and the old one is removed when nobody holds it any more.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import uuid
from contextlib import suppress
from io import BufferedRandom
from pathlib import Path

from coordination_tasks.domain.errors import CopyUnusable, Unavailable
from coordination_tasks.repository.git.process import make_repository

_CONFIG = "[core]\n\tfsync = none\n"
_OBJECT_ID = re.compile("[0-9a-f]{40}")
_CLONE = re.compile("clone-[0-9a-f]{12}")
_HELD = ".held"
_WORN = 40  # entries in one of 256 folders: some 10,000 loose objects


class GitClone:
    """One clone, held (not removed by others) until `close`."""

    TIP = "refs/remotes/origin/main"
    """The ref that remembers the remote's branch."""
    REWRITTEN = "refs/remotes/origin/rewritten"
    """The ref that holds what the branch was replaced by, until that is adopted."""
    NOTES = "refs/remotes/origin/claim-request-"
    """What the refs begin with that hold notes, each with its owner's name behind."""

    def __init__(self, git_dir: Path, hold: BufferedRandom) -> None:
        self.git_dir = git_dir
        self._hold = hold

    def tip(self) -> str | None:
        """The commit that the remote's branch had when it was last seen."""
        return self._value(self.TIP)

    def rewritten(self) -> str | None:
        """The commit that `REWRITTEN` holds."""
        return self._value(self.REWRITTEN)

    def notes(self) -> dict[str, str]:
        """Owner and commit of the notes that were there at the last fetch of them."""
        folder, _, start = self.NOTES.rpartition("/")
        found = {
            path.name.removeprefix(start): self._value(f"{folder}/{path.name}")
            for path in (self.git_dir / folder).glob(f"{start}*")
        }
        return {owner: commit for owner, commit in sorted(found.items()) if commit}

    def remember(self, commit: str) -> None:
        """Note the tip for other processes and for the next fetch.

        Without git's ref lock: every value that is written here was the remote's tip once, so the
        worst that a race does is an older hint.
        """
        target = self.git_dir / self.TIP
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.parent / f".{uuid.uuid4().hex}"
        temporary.write_text(commit + "\n")
        temporary.replace(target)

    def is_worn(self) -> bool:
        """Whether it holds so many loose objects that a new one is faster."""
        with suppress(FileNotFoundError):
            return sum(1 for _ in (self.git_dir / "objects" / "17").iterdir()) > _WORN
        return False

    def close(self) -> None:
        """Let others remove it."""
        self._hold.close()

    def _value(self, ref: str) -> str | None:
        with suppress(FileNotFoundError):
            value = (self.git_dir / ref).read_text().strip()
            return value if _OBJECT_ID.fullmatch(value) else None
        return None


class CloneFolder:
    """The folder that holds the clones of one remote."""

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
        """A new empty clone that is not current yet. Raises Unavailable when it can't be made."""
        git_dir = self._folder / f"clone-{uuid.uuid4().hex[:12]}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            hold = _hold(git_dir, fcntl.LOCK_SH)
            if hold is None:
                raise Unavailable(f"the new clone {git_dir} is held by somebody else")
            result = make_repository(git_dir)
            if result.code != 0:
                hold.close()
                raise CopyUnusable(f"git init {git_dir} failed: {result.errors.strip()}")
            with (git_dir / "config").open("a") as config:
                config.write(_CONFIG)
        except OSError as error:
            raise CopyUnusable(f"the clone {git_dir} can't be made: {error}") from error
        return GitClone(git_dir, hold)

    def make_current(self, clone: GitClone) -> None:
        """Let other processes use this clone from now on, and remove what nobody uses."""
        temporary = self._folder / f".{uuid.uuid4().hex}"
        temporary.write_text(clone.git_dir.name)
        temporary.replace(self._pointer)
        self._sweep(clone.git_dir.name)

    def discard(self, git_dir: Path) -> None:
        """Stop using this clone if it still is the current one."""
        with suppress(FileNotFoundError):
            if self._pointer.read_text() == git_dir.name:
                self._pointer.unlink()

    def _sweep(self, kept: str) -> None:
        names = {path.name.removesuffix(_HELD) for path in self._folder.glob("clone-*")}
        for git_dir in (self._folder / name for name in names - {kept}):
            hold = _hold(git_dir, fcntl.LOCK_EX)
            if hold is None:
                continue
            with hold:
                shutil.rmtree(git_dir, ignore_errors=True)
                _hold_file(git_dir).unlink(missing_ok=True)


def _hold_file(git_dir: Path) -> Path:
    return git_dir.with_name(git_dir.name + _HELD)


def _hold(git_dir: Path, kind: int) -> BufferedRandom | None:
    """Lock a clone against (LOCK_SH) or for (LOCK_EX) its removal; None when others hold it."""
    stream = _hold_file(git_dir).open("a+b")
    try:
        fcntl.flock(stream, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    return stream

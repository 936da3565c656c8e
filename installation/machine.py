"""Changes to a machine: each is shown, made only where it is missing, and none in a dry run."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


class InstallationError(Exception):
    """One line for people: what is wrong, and what to do."""

    exit_code = 1


class UsageError(InstallationError):
    """The command line, or the machine as it is, does not allow what was asked."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Owner:
    """Numeric user and group of files."""

    uid: int
    gid: int


ROOT = Owner(0, 0)


@dataclass(slots=True)
class Machine:
    """The machine below `root`; all paths of its methods are those that it has when it runs."""

    root: Path = Path("/")
    dry_run: bool = False
    changes: list[str] = field(default_factory=list)
    """What was changed, or would be."""

    @property
    def is_image(self) -> bool:
        """Whether this is a folder with the files of a machine, not this machine."""
        return self.root != Path("/")

    def path(self, name: str) -> Path:
        """Where a path of the machine is now."""
        return self.root / name.lstrip("/")

    def owner(self, user: str) -> Owner | None:
        """A user of the machine; None if it has none of this name."""
        if not self.is_image:
            try:
                found = pwd.getpwnam(user)
            except KeyError:
                return None
            return Owner(found.pw_uid, found.pw_gid)
        for line in _lines(self.path("/etc/passwd")):
            name, _, uid, gid, *_ = line.split(":")
            if name == user:
                return Owner(int(uid), int(gid))
        return None

    def write(self, name: str, text: str, *, mode: int, owner: Owner | None) -> bool:
        """Write a file unless it is like this already; returns whether it was written."""
        path = self.path(name)
        if _has(path, text) and _is_kept(path, mode, owner):
            return False
        if self._changes(f"write {name}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(f".{path.name}.new")
            new.touch(mode=0o600)
            new.write_text(text)
            _give(new, mode, owner)
            new.replace(path)
        return True

    def folder(self, name: str, *, mode: int, owner: Owner | None) -> None:
        """Make a folder, with the folders above it."""
        path = self.path(name)
        if path.is_dir() and _is_kept(path, mode, owner):
            return
        if self._changes(f"make the folder {name}"):
            path.mkdir(parents=True, exist_ok=True)
            _give(path, mode, owner)

    def give(self, name: str, *, mode: int, owner: Owner | None) -> None:
        """Set mode and owner of an existing file."""
        path = self.path(name)
        if path.exists() and not _is_kept(path, mode, owner) and self._changes(f"protect {name}"):
            _give(path, mode, owner)

    def link(self, name: str, target: str) -> None:
        """Let a symbolic link show `target`, in one step."""
        path = self.path(name)
        if path.is_symlink() and str(path.readlink()) == target:
            return
        if self._changes(f"let {name} show {target}"):
            new = path.with_name(f".{path.name}.new")
            new.unlink(missing_ok=True)
            new.symlink_to(target)
            new.replace(path)

    def remove(self, name: str) -> None:
        """Remove a file, a link, or a folder with its content."""
        path = self.path(name)
        if not path.is_symlink() and not path.exists():
            return
        if self._changes(f"remove {name}"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def run(
        self, *argv: str | Path, why: str, environment: Mapping[str, str] | None = None
    ) -> None:
        """Run a command that changes the machine. Raises InstallationError if it fails."""
        if not self._changes(why):
            return
        words = [str(word) for word in argv]
        sys.stdout.flush()
        env = {**os.environ, **(environment or {})}
        try:
            done = subprocess.run(words, env=env, check=False)
        except OSError as error:
            raise InstallationError(f"{words[0]}: {error.strerror}") from error
        if done.returncode:
            command = shlex.join(words)
            raise InstallationError(f"cannot {why}: {command} ended with {done.returncode}")

    def _changes(self, what: str) -> bool:
        """Show a change; returns whether it is to be made."""
        self.changes.append(what)
        sys.stdout.write(f"{'would ' if self.dry_run else '== '}{what}\n")
        return not self.dry_run


def answer(*argv: str | Path) -> tuple[int, str]:
    """Exit code and output of a command that changes nothing; 127 if it is not installed."""
    try:
        done = subprocess.run(
            [str(word) for word in argv], capture_output=True, text=True, check=False
        )
    except OSError as error:
        return 127, f"{argv[0]}: {error.strerror}"
    return done.returncode, (done.stdout or done.stderr).strip()


def say(text: str) -> None:
    """Show a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _give(path: Path, mode: int, owner: Owner | None) -> None:
    if owner is not None:
        os.chown(path, owner.uid, owner.gid)
    path.chmod(mode)


def _is_kept(path: Path, mode: int, owner: Owner | None) -> bool:
    found = path.stat()
    is_owned = owner is None or (found.st_uid, found.st_gid) == (owner.uid, owner.gid)
    return is_owned and found.st_mode & 0o7777 == mode


def _has(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _lines(path: Path) -> Sequence[str]:
    return path.read_text().splitlines() if path.is_file() else ()

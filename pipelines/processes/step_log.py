"""The log file of a step: commands append to it, separated by a few lines of ours."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
_NEEDED_BYTES = 1 << 20
_SLACK = 1 << 24
"""Bytes beyond the limit that stay: the last output shows why a command failed."""


class StepLog:
    """An open log, for appending; `limit` (bytes) is for what commands write, None: no limit."""

    def __init__(self, path: Path, descriptor: int, limit: int | None = None) -> None:
        self.path = path
        self.limit = limit
        self._dropped = 0
        self._kept = limit or 0
        self.descriptor = descriptor
        """The standard output and standard error of a command."""

    @property
    def size(self) -> int:
        """Current size of the log in bytes."""
        return os.fstat(self.descriptor).st_size

    def write(self, line: str) -> None:
        """Append a separate line. Raises StepFailed (DISK_FULL)."""
        size = self.size
        torn = size > 0 and os.pread(self.descriptor, 1, size - 1) != b"\n"
        self.append(f"{chr(10) if torn else ''}{line}\n".encode(errors="replace"))

    def cut(self, *, ended: bool = False) -> None:
        """Drop what exceeds the limit by much, and say how much that was.

        `ended`: nobody writes any more, so that the latest output can stay. Raises StepFailed
        (DISK_FULL).
        """
        size = self.size
        if self.limit is None or size <= self.limit + _SLACK:
            return
        latest = os.pread(self.descriptor, _SLACK, size - _SLACK) if ended else b""
        os.ftruncate(self.descriptor, self.limit)
        self._dropped += size - self._kept - len(latest)
        line = f"# the log has reached log_limit: at least {self._dropped} bytes were dropped"
        self._kept = self.limit + len(line) + 1
        self.write(line)
        self.append(latest)

    def append(self, data: bytes) -> None:
        """Append bytes unchanged. Raises StepFailed (DISK_FULL)."""
        with no_space_is_failure(self.path):
            while data:
                data = data[os.write(self.descriptor, data) :]


@contextmanager
def open_log(path: Path, limit: int | None = None) -> Iterator[StepLog]:
    """Open or create the log at `path`; `limit`: see StepLog. Raises StepFailed (DISK_FULL)."""
    with no_space_is_failure(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        yield StepLog(path, descriptor, limit)
    finally:
        os.close(descriptor)


@contextmanager
def no_space_is_failure(path: Path) -> Iterator[None]:
    """Turn the system's error about a full disk into StepFailed (DISK_FULL)."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        raise StepFailed(FailureCode.DISK_FULL, f"no space is left to write {path}") from error


def full_folder(*folders: Path) -> Path | None:
    """The first of `folders` whose file system has no space or no inodes left."""
    return next((folder for folder in folders if folder.is_dir() and _is_full(folder)), None)


def _is_full(folder: Path) -> bool:
    stat = os.statvfs(folder)
    blocks = stat.f_bfree if os.geteuid() == 0 else stat.f_bavail
    return blocks * stat.f_frsize < _NEEDED_BYTES or (stat.f_files > 0 and stat.f_ffree == 0)

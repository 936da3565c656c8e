"""A file by which `doit work` sees that its `doit build` does not hang."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


class SignOfLife:
    """The sign of the builder that owns `state_dir`."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "sign-of-life"

    def expect(self) -> None:
        """Make the file, which whoever gives signs does not: on a full disk it could not."""
        self._path.touch()

    def give(self) -> None:
        """Give a sign, if somebody expects it."""
        with suppress(FileNotFoundError):
            os.utime(self._path)

    def read(self) -> int:
        """Changes with each sign. Raises OSError."""
        return self._path.stat().st_mtime_ns

"""The content of a source tree: names, and the result of `lstat` for each.

60,000 files take about 0.3 s. Links are not followed. Git's objects and logs are left out: git adds
to them whenever it works, and nothing is built from them.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

Signature = tuple[int, ...]
"""Mode first; for a folder only that, for a file followed by inode, size and a time in
nanoseconds."""

Snapshot = Mapping[str, Signature]
"""By path relative to the tree."""

OF_GIT = ".git/"
_NOT_STATE = frozenset({"objects", "logs"})
_INDEX = re.compile(r"\.git/(?:modules/.+/)?index")
_CLOCK_OF_FILES = 5
"""Linux's CLOCK_REALTIME_COARSE, which Python does not name."""
_LONGEST_TICK = 100_000_000
"""Nanoseconds; a time further in the future was set on purpose."""


def scan(source: Path) -> dict[str, Signature]:
    """The present content of the tree. Raises OSError when a folder cannot be read."""
    root = str(source)
    found: dict[str, Signature] = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        is_gits = folder.startswith(OF_GIT)
        with os.scandir(f"{root}/{folder}") as entries:
            for entry in entries:
                path = folder + entry.name
                status = entry.stat(follow_symlinks=False)
                mode = status.st_mode
                if stat.S_ISDIR(mode):
                    found[path] = (mode,)
                    if not (is_gits and entry.name in _NOT_STATE):
                        waiting.append(f"{path}/")
                elif is_gits:
                    # An index is kept by hard links to its files, which change their ctime.
                    found[path] = (mode, status.st_ino, status.st_size, status.st_mtime_ns)
                else:
                    found[path] = (mode, status.st_ino, status.st_size, status.st_ctime_ns)
    return found


def settled_scan(source: Path) -> dict[str, Signature]:
    """The same, taken at a moment after which every change gives a file another time.

    Files get their times from a clock that ticks every few milliseconds.
    """
    found = scan(source)
    newest = max((s[-1] for s in found.values() if len(s) > 1), default=0)
    while 0 <= newest - time.clock_gettime_ns(_CLOCK_OF_FILES) < _LONGEST_TICK:
        time.sleep(0.001)
    return found


def is_index(path: str) -> bool:
    """Whether it is the index of the tree's repository or of a submodule's."""
    return path.startswith(OF_GIT) and _INDEX.fullmatch(path) is not None


def is_gits(path: str) -> bool:
    """Whether it is one of git's own files, also of submodules."""
    return path.startswith(OF_GIT)


def differences(before: Snapshot, now: Snapshot) -> Iterator[tuple[str, int | None]]:
    """Each path that is new, changed or gone, with its mode before; None for a new one."""
    for path, signature in now.items():
        earlier = before.get(path)
        if earlier != signature:
            yield path, earlier[0] if earlier else None
    for path, signature in before.items():
        if path not in now:
            yield path, signature[0]

"""How the tests are shared out: a file is one piece of work, and all files of the host are one.

Not xdist's own `--dist=loadgroup`: it writes the group into the id of a test, which pytest 9.2
takes no notice of, so that each test became a piece of work, and nobody was told.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

HOST = "host"
_MARK = "pytest.mark.host"
_LONG_FIRST = ("tests/integration/docs/", "tests/integration/", "")
"""Beginnings of paths, after the host's: at the end no worker is to be alone with a long one."""


class Pieces(LoadScopeScheduling):  # type: ignore[misc] # it has no types
    """Gives each worker a piece after the other, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return piece_of(nodeid, self.config.rootpath)


def piece_of(nodeid: str, root: Path) -> str:
    """The piece of work that a test belongs to; ids begin with a path below `root`."""
    path = nodeid.partition("::")[0]
    return HOST if _is_of_the_host(root / path) else path


def place_of(nodeid: str, root: Path) -> int:
    """The smaller, the earlier."""
    piece = piece_of(nodeid, root)
    if piece == HOST:
        return -1
    return next(n for n, beginning in enumerate(_LONG_FIRST) if piece.startswith(beginning))


@cache
def _is_of_the_host(file: Path) -> bool:
    return file.is_file() and _MARK in file.read_text()

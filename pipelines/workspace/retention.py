"""Which of the things on a builder's disk go, by their limits. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_DAY = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A thing that can be removed as a whole."""

    kind: str
    """`workspaces`, `mirrors`, `logs` or `maven`."""
    path: Path
    name: str
    """For people."""
    size: int
    """Bytes; of a file with several hard links its share."""
    used_at: float
    """Seconds since the epoch."""
    held: bool = False
    """Whether it has to stay."""


@dataclass(frozen=True, slots=True)
class Surplus:
    """A thing that goes."""

    kept: Kept
    why: str


def surplus(things: Iterable[Kept], *, age: float, size: int, now: float) -> list[Surplus]:
    """What goes of things of one kind, the longest unused first.

    `age` in seconds, `size` in bytes; what is held stays, but counts for the size.
    """
    oldest_first = sorted(things, key=lambda thing: thing.used_at)
    total = sum(thing.size for thing in oldest_first)
    found = []
    for thing in oldest_first:
        unused = now - thing.used_at
        if thing.held or (unused <= age and total <= size):
            continue
        total -= thing.size
        why = f"not used for {unused / _DAY:.1f} d" if unused > age else "over the size limit"
        found.append(Surplus(thing, why))
    return found

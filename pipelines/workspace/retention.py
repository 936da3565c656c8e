"""Which items on a builder's disk go, by their limits. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_DAY = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskItem:
    """A file or folder on the disk that can be removed as a whole."""

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
class Removable:
    """An item that goes, and why."""

    item: DiskItem
    why: str


def over_limits(items: Iterable[DiskItem], *, age: float, size: int, now: float) -> list[Removable]:
    """What goes of the items of one kind, the longest unused first.

    `age` in seconds, `size` in bytes; what is held stays, but counts for the size.
    """
    oldest_first = sorted(items, key=lambda item: item.used_at)
    total = sum(item.size for item in oldest_first)
    found = []
    for item in oldest_first:
        unused = now - item.used_at
        if item.held or (unused <= age and total <= size):
            continue
        total -= item.size
        why = f"not used for {unused / _DAY:.1f} d" if unused > age else "over the size limit"
        found.append(Removable(item, why))
    return found

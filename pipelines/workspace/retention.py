"""Which items on a builder's disk to remove, by their limits. Pure."""

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
    """Its name for people."""
    size: int
    """Bytes; a file with several hard links counts partly."""
    used_at: float
    """Seconds since the epoch."""
    held: bool = False
    """Whether it must be kept."""


@dataclass(frozen=True, slots=True)
class Removable:
    """An item to remove, and why."""

    item: DiskItem
    why: str


def over_limits(items: Iterable[DiskItem], *, age: float, size: int, now: float) -> list[Removable]:
    """The items of one kind to remove, least recently used first.

    `age` in seconds, `size` in bytes; held items are kept, but count for the size.
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

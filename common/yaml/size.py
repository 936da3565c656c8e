"""Sizes on disk as people write them in YAML: `500M`, `20G`, `1.5T`; units are powers of 1024."""

from __future__ import annotations

import re
from typing import Any

SIZE = r"^\s*(\d{1,12}(?:\.\d{1,6})?)\s*([KMGT])(?:i?B)?\s*$"
_SIZE = re.compile(SIZE)
_UNITS = {"K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_LONGEST = 40


def parse_size(value: Any) -> int:
    """Bytes of `value`, a whole number or text with a unit. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    found = _SIZE.fullmatch(value) if isinstance(value, str) and len(value) <= _LONGEST else None
    if found is None:
        raise ValueError("expected a size such as 500M or 20G")
    return int(float(found[1]) * _UNITS[found[2]])


def format_size(size: float) -> str:
    """`512 B`, `3.4 MiB`, `20.0 GiB`."""
    units = iter(("B", "KiB", "MiB", "GiB"))
    unit = next(units)
    while size >= 1024 and unit != "GiB":  # noqa: PLR2004
        size, unit = size / 1024, next(units)
    return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"

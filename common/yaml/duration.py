"""Durations as people write them in YAML: `90`, `90s`, `30m`, `2h`, `1h 30m`."""

from __future__ import annotations

import re
from typing import Any

_PART = re.compile(r"(\d+)\s*([smhd]?)")
# each part but the last ends with its unit: no text matches in two ways, so matching is fast
_WHOLE = re.compile(r"\s*(\d+\s*[smhd]\s*)*(\d+\s*)?")
_LONGEST = 40
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: Any) -> float:
    """Seconds of `value`, a number or text. Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and len(value) <= _LONGEST and _WHOLE.fullmatch(value):
        seconds = float(sum(int(n) * _SECONDS[unit] for n, unit in _PART.findall(value)))
    else:
        raise ValueError("expected a duration such as 90s, 30m or 2h")
    if seconds <= 0:
        raise ValueError("expected a duration longer than zero")
    return seconds

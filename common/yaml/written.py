"""Numbers from YAML that know how they were written."""

from __future__ import annotations

from typing import Any


class WrittenInt(int):
    """An integer that knows how it was written."""

    text: str


class WrittenFloat(float):
    """A number with a fraction that knows how it was written."""

    text: str


def as_written(value: Any) -> Any:
    """An unquoted number or boolean as the text that was written; all else as it is."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.text if isinstance(value, WrittenInt | WrittenFloat) else value

"""The few lines of a tool's output that go into a failure."""

from __future__ import annotations

from collections.abc import Iterable

MAX_BYTES = 2000
_MAX_LINE = 400


def excerpt(lines: Iterable[str]) -> str:
    """The lines as one text of at most 2000 bytes; when there is more, beginning and end of it."""
    content = "\n".join(line[:_MAX_LINE] for line in lines).encode()
    if len(content) <= MAX_BYTES:
        return content.decode()
    half = MAX_BYTES // 2 - len("\n[…]\n".encode())
    begin, end = (part.decode(errors="ignore") for part in (content[:half], content[-half:]))
    return f"{begin}\n[…]\n{end}"

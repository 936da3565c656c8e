"""The few lines of a tool's output that go into a failure. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

MAX_BYTES = 2000
MAX_MESSAGE = 300
"""Characters."""
_MAX_LINE = 700
_GAP = "\n[…]\n"


def excerpt(lines: Iterable[str]) -> str:
    """The lines as one text of at most 2000 bytes; start and end of a longer one."""
    content = "\n".join(map(_shortened, lines)).encode(errors="replace")
    if len(content) <= MAX_BYTES:
        return content.decode()
    half = MAX_BYTES // 2 - len(_GAP.encode())
    begin, end = (part.decode(errors="ignore") for part in (content[:half], content[-half:]))
    return f"{begin}{_GAP}{end}"


def _shortened(line: str) -> str:
    """Its start and its end, since a long line has its result at the end."""
    half = _MAX_LINE // 2
    return line if len(line) <= _MAX_LINE else f"{line[:half]} […] {line[-half:]}"


def one_line(text: str) -> str:
    """The text as one line of at most 300 characters."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_MESSAGE else f"{line[: MAX_MESSAGE - 3]}..."


def relative(text: str, source: Path) -> str:
    """The text with paths below `source` relative to it, and `.` for the folder itself."""
    folder = rf"(?<![\w.-]){re.escape(str(source))}"
    inside = re.sub(rf"{folder}/(?=[\w.@-])", "", text)
    return re.sub(rf"{folder}(?![\w.-])/?", ".", inside)

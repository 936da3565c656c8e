"""Tables of one line a row, cut to the width of the terminal. Pure, and quick for long tables."""

from __future__ import annotations

import os
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TextIO

from common.cli.terminal_text import printable

_GAP = "  "
_LONGEST = 200
"""Columns of a cell beside others, where nothing limits the width."""
_SHORTEST = 10
"""Columns that a cell keeps when the table is cut."""
_STYLES: Mapping[str, str] = {
    "red": "\x1b[1;31m",
    "green": "\x1b[32m",
    "yellow": "\x1b[33m",
    "cyan": "\x1b[1;36m",
}
_END = "\x1b[0m"

Row = Sequence[str]


def table_lines(
    titles: Sequence[str],
    rows: Sequence[Row],
    width: int | None,
    *,
    droppable: Sequence[str] = (),
    last_needs: int = _SHORTEST,
    wrap: bool = False,
) -> list[str]:
    """The table as lines of at most `width` columns; None: nothing is cut but very long cells.

    What does not fit: columns `droppable` go first, in this order, until the last column has
    `last_needs` columns or all that it needs; then the last column is cut, then the widest others.
    With `wrap` the last column is not cut, but continues below itself: a row may have newlines.
    """
    cells = [[_cell(text) for text in row] for row in rows]
    kept = list(range(len(titles)))
    widths = [_widest(titles[at], [row[at] for row in cells]) for at in kept]
    if width is None:
        widths = [min(each, _LONGEST) for each in widths[:-1]] + widths[-1:]
    else:
        wanted = min(widths[-1], last_needs)
        for title in droppable:
            if _total([widths[at] for at in kept[:-1]] + [wanted]) <= width:
                break
            kept.remove(titles.index(title))
        widths = _fitted([widths[at] for at in kept], width)
    shown = [[row[at] for at in kept] for row in (list(titles), *cells)]
    return [_wrapped(row, widths) if wrap else _line(row, widths) for row in shown]


def coloured(line: str, style: str, *, wanted: bool) -> str:
    """`line` in the colour `style` ("": none), if colours are wanted."""
    return f"{_STYLES[style]}{line}{_END}" if style and wanted else line


def wants_colour(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether to colour the output: on a terminal, or if FORCE_COLOR is set; NO_COLOR: never."""
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return stream.isatty() and environment.get("TERM", "").lower() not in ("dumb", "unknown")


def _cell(text: str) -> str:
    if text.isascii() and text.isprintable():  # nearly all, and a long table has many
        return text
    return printable(" ".join(text.split()))


def _widest(title: str, cells: Sequence[str]) -> int:
    return max(map(_columns, (title, *cells)))


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _fitted(widths: list[int], width: int) -> list[int]:
    """The last column is cut first, then always the widest; in the end they share the width."""
    shortest = min(_SHORTEST, max(1, width // len(widths) - len(_GAP)))
    widths[-1] -= max(0, min(_total(widths) - width, widths[-1] - shortest))
    while _total(widths) > width and max(widths) > shortest:
        widths[widths.index(max(widths))] -= 1
    return widths


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(map(_padded, row, widths)).rstrip()


def _wrapped(row: Sequence[str], widths: Sequence[int]) -> str:
    parts = textwrap.wrap(row[-1], max(_SHORTEST, widths[-1])) or [""]
    indent = " " * _total([*widths[:-1], 0])
    first = _line([*row[:-1], parts[0]], [*widths[:-1], len(parts[0])])
    return "\n".join([first, *(f"{indent}{part}" for part in parts[1:])])


def _padded(text: str, width: int) -> str:
    columns = _columns(text)
    if columns <= width:
        return text + " " * (width - columns)
    while _columns(text) > width - 1:
        text = text[: max(0, min(len(text) - 1, width - 1))]
    return f"{text}…" + " " * (width - 1 - _columns(text))


def _columns(text: str) -> int:
    """Columns of a text on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_width_of(character) for character in text)


def _width_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "FW" else 1

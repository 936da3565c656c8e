"""What the page of a log shows: a part of its lines, in sections that fold. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from common.cli.terminal_text import printable

MOST_LINES = 5000
_LONGEST = 4000
_HEADING = re.compile(
    r"\[INFO\] (?:\x1b\[[\d;]*m)*(?:--- |-+< )|==> |\s*dh_\w+|make(?:\[\d+\])?: Enter"
)
_TROUBLE = re.compile(r"\bERROR\b|\bFAIL(?:URE|ED)?\b|\berror:|\*\*\* ")
_COLOUR = re.compile(r"\x1b\[([\d;]*)m")
_CLASSES = {1: "bold", 31: "red", 32: "green", 33: "yellow", 34: "blue", 35: "purple", 36: "cyan"}
_FEW = 3
"""So many sections need no folding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a log."""

    number: int
    text: Markup


@dataclass(slots=True, kw_only=True)
class Section:
    """Lines that belong together: those of one Maven goal, of one debhelper command."""

    lines: list[Line] = field(default_factory=list)
    is_open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPart:
    """The lines of a page."""

    sections: Sequence[Section]
    first: int
    last: int
    total: int
    """Lines of the log, or of those that were found."""
    earlier: int | None
    """The first line of the page before; None: there is none."""
    later: int | None


def log_part(lines: Sequence[str], first_line: int, *, first: int, find: str) -> LogPart:
    """The part from line `first` on (0: the last part), only lines that contain `find`."""
    numbered = [
        (number, line)
        for number, line in enumerate(lines, first_line)
        if not find or find.casefold() in line.casefold()
    ]
    start = next((at for at, (number, _) in enumerate(numbered) if number >= first), None)
    last_start = max(0, len(numbered) - MOST_LINES)
    at = last_start if not first or start is None else start
    shown = numbered[at : at + MOST_LINES]
    later = at + MOST_LINES
    return LogPart(
        sections=list(_sections(shown, folds=not find)),
        first=shown[0][0] if shown else 0,
        last=shown[-1][0] if shown else 0,
        total=len(numbered),
        earlier=numbered[max(0, at - MOST_LINES)][0] if at else None,
        later=numbered[later][0] if later < len(numbered) else None,
    )


def _sections(numbered: Sequence[tuple[int, str]], *, folds: bool) -> Iterator[Section]:
    found = [Section()]
    troubled: list[bool] = [False]
    for number, line in numbered:
        if folds and _HEADING.match(line) and found[-1].lines:
            found.append(Section())
            troubled.append(False)
        found[-1].lines.append(Line(number=number, text=coloured(line)))
        troubled[-1] = troubled[-1] or bool(_TROUBLE.search(line[:_LONGEST]))
    for at, section in enumerate(found):
        section.is_open = len(found) <= _FEW or troubled[at] or at == len(found) - 1
        yield section


def coloured(line: str) -> Markup:
    """A line as HTML: its colours become classes, everything else is shown as it is."""
    cut = f"{line[:_LONGEST]} …" if len(line) > _LONGEST else line
    parts = _COLOUR.split(cut)
    shown = Markup("")
    style: list[str] = []
    for at, part in enumerate(parts):
        if at % 2:
            style = _style(style, part)
        elif part:
            text = escape(printable(part))
            shown += (
                Markup('<span class="{}">{}</span>').format(" ".join(style), text)
                if style
                else text
            )
    return shown


def _style(style: list[str], codes: str) -> list[str]:
    found = list(style)
    for code in codes.split(";"):
        number = int(code[:3] or 0)
        name = _CLASSES.get(number - 60 if number >= 90 else number)  # noqa: PLR2004 - bright ones
        if number == 0:
            found = []
        elif name and name not in found:
            found.append(name)
    return found

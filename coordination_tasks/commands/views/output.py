"""Sections of a page on the terminal, or in a pipe, where nothing is cut."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from shutil import get_terminal_size

from common.cli.terminal_text import printable
from common.cli.text_table import coloured, table_lines, wants_colour
from coordination_tasks.commands.views.farm_page import Section

_TEXT_NEEDS = 30
"""Columns for a reason before other columns are left out."""


def write_lines(lines: Iterable[str]) -> None:
    """Lines of plain text."""
    sys.stdout.writelines(f"{printable(line)}\n" for line in lines)


def write_section(section: Section) -> None:
    """A table, and how many of its rows are not shown."""
    width = get_terminal_size().columns if sys.stdout.isatty() else None
    colour = wants_colour(sys.stdout)
    head, *lines = table_lines(
        section.titles,
        section.rows,
        width,
        droppable=section.droppable,
        last_needs=_TEXT_NEEDS,
        wrap=section.wrap,
    )
    sys.stdout.write(f"{head}\n")
    for line, style in zip(lines, section.styles, strict=True):
        sys.stdout.write(f"{coloured(line, style, wanted=colour)}\n")
    if section.hidden:
        sys.stdout.write(f"… and {section.hidden} more (--limit 0 shows all)\n")

"""Adds a pipeline to the text of a file; everything else, even comments, is unchanged. Pure."""

from __future__ import annotations

import re
from textwrap import indent

from common.yaml.document import Document

NEW_FILE = "# The pipelines of this farm. `doit validate` checks them.\n\npipelines:\n"
_EMPTY = re.compile(r"^(pipelines:)[ \t]*(\{[ \t]*\}|~|null)?[ \t]*(#.*)?$")
_INDENT = 2


def with_pipeline(document: Document, text: str, entry: str) -> str:
    """The text of `document` with `entry`, YAML without indentation, as its last pipeline.

    Raises ValueError when the file's pipelines are written in braces.
    """
    lines = text.splitlines()
    line = document.position(("pipelines",), key=True)[0] - 1
    pipelines = document.data["pipelines"]
    width = _INDENT
    if pipelines:
        first_line, column = document.position(("pipelines", next(iter(pipelines))), key=True)
        if first_line - 1 == line:
            raise ValueError("its pipelines are in braces. Write each one on lines of its own.")
        width = column - 1
    else:
        lines[line] = _without_value(lines[line])
    end = _end_of_block(lines, line + 1)
    added = indent(entry.rstrip("\n"), " " * width).split("\n")
    before, after = lines[:end], lines[end:]
    gap = [] if before[-1].strip() == "" or not pipelines else [""]
    return "\n".join([*before, *gap, *added, *([""] if after else []), *after]) + "\n"


def _without_value(line: str) -> str:
    match = _EMPTY.match(line)
    if match is None:
        raise ValueError(f"expected a line 'pipelines:', found '{line.strip()[:40]}'")
    return match[1] + (f"  {match[3]}" if match[3] else "")


def _end_of_block(lines: list[str], start: int) -> int:
    """The line after the last one of the block that starts at `start`."""
    end = start
    for number in range(start, len(lines)):
        line = lines[number]
        if line[:1] not in ("", " ", "#"):
            break
        if line.startswith(" "):
            end = number + 1
    return end

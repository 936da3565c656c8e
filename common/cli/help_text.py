"""The help of a command as text: paragraphs flow to a width, options stand in two columns. Pure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

_HIDDEN = frozenset({"DB backend", "doit core", "task loader"})
"""Sections of options that doit adds to each command."""
_LONGEST = 24
"""Columns for the names of options; a longer name has a line of its own."""
_GAP = 2
_TOGETHER = re.compile(r"`[^`\n]*`|\[[^\]\n]*\]")
"""Not broken over two lines: code and optional arguments."""
_VALUE = re.compile(r"(?<![\w-])(--?[a-z][\w-]*) ([^\s\[\]()|-][^\s\[\]()]*)")
_COLUMN = re.compile(r"(\s*\S.*?\s{2,})\S")


def command_help(command: Any, width: int) -> str:
    """Usage, purpose, description and options of a doit command in at most `width` columns."""
    usage = f"doit {command.name} {command.doc_usage}".rstrip()
    purpose = f"{command.doc_purpose[0].upper()}{command.doc_purpose[1:].rstrip('.')}."
    options = [o for o in command.cmdparser.options if o.section not in _HIDDEN]
    description, heading, codes = (command.doc_description or "").partition("Exit codes:")
    parts = [
        _wrap(usage, width, later=" " * 4),
        _wrap(purpose, width),
        flow(description.strip("\n"), width),
        "\n".join(["Options:", *option_lines(options, width, usage)]) if options else "",
        flow(f"{heading}{codes}", width),
    ]
    return "\n\n".join(filter(None, parts))


def flow(text: str, width: int) -> str:
    """Paragraphs wrapped anew to `width`; indented lines, like lists and examples, stay lines."""
    blocks: list[str] = []
    paragraph: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line and not line[0].isspace():
            paragraph.append(line)
            continue
        if paragraph:
            blocks.append(_wrap(" ".join(paragraph), width))
            paragraph = []
        blocks.append(_wrap(line.rstrip(), width, later=" " * _second_column(line)))
    return "\n".join(blocks).rstrip("\n")


def option_lines(options: Iterable[Any], width: int, usage: str = "") -> list[str]:
    """Names and help of doit's options; a value is called as in `usage`, like N in `-n N`."""
    rows = list(_rows(options, dict(_VALUE.findall(usage))))
    left = max((len(name) for name, _ in rows if len(name) <= _LONGEST), default=_LONGEST)
    return two_columns(rows, left, width)


def two_columns(rows: Sequence[tuple[str, str]], left: int, width: int) -> list[str]:
    """Name and text of each row; the texts start in one column, right of `left` columns."""
    indent = " " * (2 + left + _GAP)
    lines: list[str] = []
    for name, text in rows:
        texts = [part for line in text.splitlines() for part in _lines(line, width - len(indent))]
        if len(name) > left:
            lines.append(f"  {name}")
        else:
            first, *texts = texts or [""]
            lines.append(f"  {name:{left}}{' ' * _GAP}{first}".rstrip())
        lines += [f"{indent}{part}" for part in texts]
    return lines


def _rows(options: Iterable[Any], values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for option in options:
        pairs = (("-", option.short), ("--", option.long))
        names = [f"{dashes}{word}" for dashes, word in pairs if word]
        if names:
            named = (values[name] for name in names if name in values)
            value = next(named, "N" if option.type is int else option.metavar)
            end = "" if option.type is bool else f" {value}"
            text = option.help % {"default": option.default}
            yield ", ".join(names) + end, text + option.help_choices()
        if option.inverse:
            yield f"--{option.inverse}", f"opposite of --{option.long}"


def _second_column(line: str) -> int:
    """Where the text of a list's line starts, or a bit further in than the line."""
    found = _COLUMN.match(line)
    return len(found[1]) if found else len(line) - len(line.lstrip()) + 2


def _wrap(text: str, width: int, later: str = "") -> str:
    return "\n".join(_lines(text, width, later))


def _lines(text: str, width: int, later: str = "") -> list[str]:
    joined = _TOGETHER.sub(lambda found: found[0].replace(" ", "\xa0"), text)
    wrapped = textwrap.wrap(
        joined,
        width,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\xa0", " ") for line in wrapped or [""]]

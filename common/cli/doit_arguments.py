"""The words of a doit command line as typed, with options and arguments in any order.

doit treats each word like `name=value` as a variable of its own and hides it from its commands, so
`--param version=1.2` would lose its value. It also accepts options only before arguments.
"""

from __future__ import annotations

import getopt
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from doit.cmdparse import CmdOption, CmdParse


def typed_words(command: Any, given: Sequence[str], argv: Sequence[str] | None = None) -> list[str]:
    """The words after the name of a doit command, options first.

    `given` is what doit passes on of them; `argv` defaults to the process's own command line.
    Raises getopt.GetoptError for an option that the command does not have, and for an option that
    is given twice although it takes one value.
    """
    words = _after(command, list(sys.argv if argv is None else argv)[1:], list(given))
    short, long = command.cmdparser.get_short(), command.cmdparser.get_long()
    options, others = getopt.gnu_getopt(words, short, long)
    _refuse_second_values(command, [name for name, value in options if value])
    first = (word for name, value in options for word in _option(name, value, long))
    return [*first, *(["--"] if others else []), *others]


def _after(command: Any, words: list[str], given: list[str]) -> list[str]:
    loading = CmdParse([CmdOption(option) for option in command.loader.cmd_options])
    with suppress(getopt.GetoptError):  # like doit: they may precede the command, too
        _, words = getopt.getopt(words, loading.get_short(), loading.get_long())
    while words and _is_variable(words[0]):
        words = words[1:]
    if words[:1] != [command.name] or [w for w in words[1:] if not _is_variable(w)] != given:
        return given  # called from another program, not from doit\'s command line
    return words[1:]


def _refuse_second_values(command: Any, names: Sequence[str]) -> None:
    """doit would silently take the last one."""
    seen: set[str] = set()
    for name in names:
        option, _ = command.cmdparser.get_option(name)
        if option.type is not list and option.name in seen:
            raise getopt.GetoptError(f"{name} may be given only once", name)
        seen.add(option.name)


def _option(name: str, value: str, long: Sequence[str]) -> list[str]:
    if name.startswith("--"):
        return [f"{name}={value}" if f"{name[2:]}=" in long else name]
    return [name, value] if value else [name]


def _is_variable(word: str) -> bool:
    return not word.startswith("-") and "=" in word

"""What an operator chose: options, what an earlier call kept, and answers to questions."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import NoReturn

from installation.files import CHOICES_FILE, Choices
from installation.machine import Machine, UsageError

_BUILDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
_DEFAULT_USER = "builder"
_NAMES = tuple(field.name for field in fields(Choices))


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with the exit code of bad usage."""

    def error(self, message: str) -> NoReturn:
        """See ArgumentParser."""
        raise UsageError(f"{message}; see --help")


def kept_choices(machine: Machine) -> dict[str, str]:
    """The choices of an earlier call; none before the first. Raises UsageError."""
    path = machine.path(CHOICES_FILE)
    try:
        found = json.loads(path.read_text())
        return {name: str(found[name]) for name in _NAMES if found.get(name)}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError) as error:
        raise UsageError(f"{CHOICES_FILE} is not valid JSON: {error}. Remove it.") from error


def made_choices(machine: Machine, options: argparse.Namespace) -> Choices:
    """All choices. Raises UsageError for a missing or impossible one."""
    given = {name: str(getattr(options, name)) for name in _NAMES if getattr(options, name)}
    kept = kept_choices(machine)
    for name in kept.keys() & given.keys():
        if kept[name] != given[name]:
            raise UsageError(
                f"{_option(name)} was {kept[name]!r} when this builder was installed, and is"
                f" {given[name]!r} now. Change it in the installed files, or start again after"
                " --remove and without /etc/build-coordination."
            )
    found = {"user": _DEFAULT_USER, **given, **kept}
    for name, question in (
        ("builder", "Name of this builder in the farm (build1, build2, …): "),
        ("repository", "Address of the coordination repository: "),
    ):
        found[name] = found.get(name) or _asked(name, question)
    choices = Choices(**found)
    _check(choices)
    return choices


def as_text(choices: Choices) -> str:
    """The file that keeps them."""
    return json.dumps(asdict(choices), indent=2) + "\n"


def words_of(options: Sequence[tuple[str, str]], parser: Parser) -> None:
    """Add options that take a text, each with its help."""
    for name, text in options:
        parser.add_argument(f"--{name}", default="", help=text)


def _asked(name: str, question: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"{_option(name)} is missing")
    return input(question).strip()


def _check(choices: Choices) -> None:
    if _BUILDER.fullmatch(choices.builder) is None:
        raise UsageError(
            f"invalid builder id {choices.builder[:60]!r}: use letters, digits, - and _, at most 63"
        )
    if _USER.fullmatch(choices.user) is None or choices.user == "root":
        raise UsageError(f"invalid user {choices.user[:60]!r}: expected an ordinary user's name")
    for name, value in asdict(choices).items():
        if not value.isprintable():
            raise UsageError(f"{_option(name)} has a character that cannot be printed")
    if not choices.repository:
        raise UsageError("--repository is missing")
    if re.match(r"[a-z]+://[^/@]*:[^/@]*@", choices.repository):
        raise UsageError(
            "--repository has a password. Use ssh, or git's credential helper for the user."
        )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"

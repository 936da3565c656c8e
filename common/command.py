"""The base of our doit commands: shared options, arguments as typed, each error as one line.

What a command reads and prints belongs to its package.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from getopt import GetoptError
from typing import Any, ClassVar

from doit.cmd_base import DoitCmdBase
from doit.cmdparse import CmdParseError
from doit.exceptions import InvalidCommand, InvalidDodoFile, InvalidTask

from common.doit_arguments import typed_words
from common.errors import ApplicationError, UsageError, os_error_text
from common.output_stream import bear_any_text, silence
from common.terminal_text import harmless

EXIT_INTERRUPTED = 130
_EXPECTED = (
    ApplicationError,
    GetoptError,
    CmdParseError,
    InvalidCommand,
    InvalidDodoFile,
    InvalidTask,
    OSError,
)

OPTION_BUILDER: dict[str, Any] = {
    "name": "builder",
    "long": "builder",
    "type": str,
    "default": "",
    "help": "act as this builder (else BUILDER_ID, builder in builder.yaml, the host's name)",
}

OPTION_JSON: dict[str, Any] = {
    "name": "json",
    "long": "json",
    "type": bool,
    "default": False,
    "help": "print one JSON document instead of text",
}

OPTION_PARAM: dict[str, Any] = {
    "name": "param",
    "long": "param",
    "type": list,
    "default": [],
    "help": "set a parameter, such as --param version=1.2 (may be repeated)",
}


class Command(DoitCmdBase):  # type: ignore[misc]
    """Base of all our doit commands. An error is one line on stderr, with --json an object."""

    uses_tasks: ClassVar[bool] = False
    """Whether it acts on doit's tasks. All others work when the pipelines file is unusable."""

    # doit needs the values, but nobody is to choose a database that we don't use.
    base_options = tuple({**option, "long": ""} for option in DoitCmdBase.base_options)

    def parse_execute(self, in_args: list[str]) -> int:
        """doit's entry: run the command with the words as they were typed; the exit code."""
        bear_any_text(sys.stdout)
        try:
            code = int(super().parse_execute(typed_words(self, in_args)) or 0)
            sys.stdout.flush()
        except BrokenPipeError:
            silence(sys.stdout)  # who reads has seen enough
            return ApplicationError.exit_code
        except (*_EXPECTED, KeyboardInterrupt) as error:
            if isinstance(error, OSError):
                silence(sys.stdout)  # perhaps it was the output that failed
            code = _exit_code(error)
            text = self.error_text(error)
            if "--json" in in_args and "json" in self.cmdparser:
                tell(json.dumps({"error": text, "exit_code": code}, ensure_ascii=False))
            else:
                tell(text if _names_place(error) else f"doit {self.name}: {text}")
        return code

    def execute(self, params: Any, args: list[str]) -> int:
        """doit's second entry: create the tasks if the command uses them, and call `_execute`."""
        if self.uses_tasks:
            return int(super().execute(params, args) or 0)
        self.loader.setup(params)
        options = {option["name"]: params[option["name"]] for option in self.cmd_options}
        return int(self._execute(**options, pos_args=args))

    def error_text(self, error: BaseException) -> str:
        """What a person reads of an error."""
        match error:
            case GetoptError():
                return f"{error}; see `doit help {self.name}`"
            case CmdParseError():
                return self._bad_value(error)
            case KeyboardInterrupt():
                return "interrupted"
            case OSError():
                return os_error_text(error)
        return str(error).strip()

    def _bad_value(self, error: CmdParseError) -> str:
        """In place of doit's text, which names a variable and a class of Python."""
        found = re.search(r"parameter '(\w+)' <class '(\w+)'>", str(error))
        if not found:
            return str(error)
        option = self.cmdparser[found[1]]
        if found[2] == "bool":  # only a variable of the environment gives such a value
            return f"{option.env_var} expects yes or no"
        return f"--{option.long} expects a number"


def given_params(words: Sequence[str]) -> dict[str, str]:
    """The values of `--param NAME=VALUE` by name. Raises UsageError."""
    given: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise UsageError(f"--param expects NAME=VALUE, found {word[:60]!r}")
        if name in given:
            raise UsageError(f"--param {name[:60]} may be given only once")
        given[name] = value
    return given


def tell(text: str) -> None:
    """A line on stderr for a person, beside the command's own output."""
    sys.stderr.write(harmless(text) + "\n")


def _exit_code(error: BaseException) -> int:
    match error:
        case ApplicationError():
            return error.exit_code
        case KeyboardInterrupt():
            return EXIT_INTERRUPTED
        case OSError():
            return ApplicationError.exit_code
    return UsageError.exit_code


def _names_place(error: BaseException) -> bool:
    """doit's own error of a dodo file is how a file of pipelines with mistakes comes here."""
    return isinstance(error, InvalidDodoFile) or getattr(error, "names_place", False)

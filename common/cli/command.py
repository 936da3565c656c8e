"""The base of our doit commands: shared options, arguments as typed, each error as one line.

What a command reads and prints belongs to its package.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from getopt import GetoptError
from shutil import get_terminal_size
from typing import Any, ClassVar

from doit.cmd_base import DoitCmdBase
from doit.cmdparse import CmdOption, CmdParseError
from doit.exceptions import InvalidCommand, InvalidDodoFile, InvalidTask

from common.cli.doit_arguments import typed_words
from common.cli.help_text import command_help
from common.cli.output_stream import replace_unencodable, silence
from common.cli.terminal_text import printable
from common.errors import ApplicationError, UsageError, os_error_text

EXIT_INTERRUPTED = 130
_NARROWEST, _WIDEST = 40, 100
_NEAR = 0.7
_HELP = frozenset({"--help", "-h"})
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
    "metavar": "ID",
    "help": "act as this builder (default: BUILDER_ID, builder in builder.yaml, or the host name)",
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
    """Base of all doit commands here. An error is one line on stderr, with --json an object."""

    uses_tasks: ClassVar[bool] = False
    """Whether it acts on doit's tasks. All others work when the pipelines file is unusable."""
    completes: ClassVar[str] = ""
    """What the shell completes for its arguments: `jobs`, `builders`, `pipelines`, or nothing."""

    # doit needs the values, but users must not choose a database that we do not use.
    base_options = tuple({**option, "long": ""} for option in DoitCmdBase.base_options)

    @property
    def label(self) -> str:
        """The text before an error."""
        return f"doit {self.name}"

    def help(self) -> str:
        """The text that `doit help` shows of the command."""
        return command_help(self, terminal_width())

    def get_options(self) -> list[CmdOption]:
        """See DoitCmdBase; an option of the command hides doit's own one of that name."""
        own = {option.get(kind) for option in self.cmd_options for kind in ("short", "long")}
        loading = tuple(
            {key: "" if key in {"short", "long"} and v in own else v for key, v in option.items()}
            for option in self.loader.cmd_options
        )
        return [CmdOption(option) for option in (*self.base_options, *loading, *self.cmd_options)]

    def parse_execute(self, in_args: list[str]) -> int:
        """doit's entry point: run the command with the words as typed; returns the exit code."""
        replace_unencodable(sys.stdout)
        try:
            if _HELP & set(in_args):
                sys.stdout.write(f"{self.help()}\n")
                code = 0
            else:
                code = int(super().parse_execute(typed_words(self, in_args)) or 0)
            sys.stdout.flush()
        except BrokenPipeError:
            silence(sys.stdout)  # the reader has left
            return ApplicationError.exit_code
        except (*_EXPECTED, KeyboardInterrupt) as error:
            if isinstance(error, OSError):
                silence(sys.stdout)  # the failure may be that of the output
            code = _exit_code(error)
            text = self.error_text(error)
            if "--json" in in_args and "json" in self.cmdparser:
                sys.stderr.write(json.dumps({"error": text, "exit_code": code}) + "\n")
            else:
                tell(text if _names_place(error) else f"{self.label}: {text}")
        return code

    def execute(self, params: Any, args: list[str]) -> int:
        """doit's second entry: create the tasks if the command uses them, and call `_execute`."""
        if self.uses_tasks:
            return int(super().execute(params, args) or 0)
        self.loader.setup(params)
        options = {option["name"]: params[option["name"]] for option in self.cmd_options}
        return int(self._execute(**options, pos_args=args))

    def error_text(self, error: BaseException) -> str:
        """The text of an error for people."""
        match error:
            case GetoptError():
                unknown = "not recognized" in error.msg
                hint = self.hint_at_option(error.opt) if unknown else self._see_help()
                message = error.msg.replace("requires argument", "requires an argument")
                return f"{message}{hint}"
            case CmdParseError():
                return self._bad_value(error)
            case InvalidCommand():
                return " ".join(str(error).split())
            case KeyboardInterrupt():
                return "interrupted"
            case OSError():
                return os_error_text(error)
        return str(error).strip()

    def hint_at_option(self, unknown: str) -> str:
        """The text after the name of an option that the command does not have."""
        known = (name.rstrip("=") for name in self.cmdparser.get_long())
        return near_match(f"--{unknown}", [f"--{name}" for name in known]) or self._see_help()

    def _see_help(self) -> str:
        return f"; see `doit help {self.name}`"

    def _bad_value(self, error: CmdParseError) -> str:
        """Our text in place of doit's, which names a Python variable and class."""
        name, _, problem = str(error).removeprefix("Error parsing parameter '").partition("'")
        if name not in self.cmdparser:
            return str(error)
        option = self.cmdparser[name]
        if option.choices:
            found = problem.partition("'")[2].partition("'")[0]
            return f"--{option.long} expects one of {', '.join(option.choices)}, found {found!r}"
        if option.type is bool:  # only an environment variable has such a value
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


def near_match(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the known word closest to `word`; "" when none is close."""
    near = get_close_matches(word, list(known), n=1, cutoff=_NEAR)
    return f"; did you mean {near[0]!r}?" if near else ""


def terminal_width() -> int:
    """Columns for text: those of the terminal within limits, 80 where there is none."""
    return max(_NARROWEST, min(get_terminal_size().columns, _WIDEST))


def tell(text: str) -> None:
    """Print a readable line on stderr, beside the command's own output."""
    sys.stderr.write(printable(text) + "\n")


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
    """Errors of a pipelines file arrive here as doit's own error of a dodo file."""
    return isinstance(error, InvalidDodoFile) or getattr(error, "names_place", False)

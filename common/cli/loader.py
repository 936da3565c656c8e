"""Loads dodo.py. doit makes the loader before it reads the command line, so it checks that, too."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from doit.cmd_base import DodoTaskLoader
from doit.exceptions import InvalidDodoFile

from common.cli.command import tell
from common.cli.output_stream import BestEffortStream, open_missing_streams
from common.errors import UsageError

_ALLOCATIONS = 100_000
"""Between two searches for garbage: a command that shows makes about as many objects, and ends."""
_PROGRAMS = ("doit", "__main__.py")
_INSTEAD = {(): ["help", "--short"], ("--help",): ["help"], ("-h",): ["help"]}
"""Command lines for which doit would run nothing, or show a list of its own."""


class Loader(DodoTaskLoader):  # type: ignore[misc]
    """doit's loader, after a check for input on which doit itself would end with a traceback."""

    def __init__(self) -> None:
        super().__init__()
        gc.set_threshold(_ALLOCATIONS)
        open_missing_streams()
        if Path(sys.argv[0]).name in _PROGRAMS:  # else the arguments are another program's
            _check_arguments(sys.argv[1:])

    def setup(self, opt_values: Any) -> None:
        """Import dodo.py. Raises InvalidDodoFile."""
        file = opt_values["dodoFile"]
        if Path(file).is_dir():
            raise InvalidDodoFile(f"doit: {file} is a folder; --file expects a dodo.py")
        try:
            super().setup(opt_values)
        except InvalidDodoFile as error:
            raise InvalidDodoFile(f"doit: {' '.join(str(error).split())}") from error
        except ModuleNotFoundError as error:
            raise InvalidDodoFile(
                f"doit: {file} cannot be loaded: {error}; is a package missing? Run scripts/setup."
            ) from error


def _check_arguments(arguments: Sequence[str]) -> None:
    if "" in arguments:  # doit looks at the first character of each
        tell("doit: an argument is empty; leave it out or give it a value")
        raise SystemExit(UsageError.exit_code)
    instead = _INSTEAD.get(tuple(arguments))
    if instead:
        from doit.doit_cmd import DoitMain  # noqa: PLC0415 - a cycle

        sys.argv[1:] = instead
        raise SystemExit(DoitMain().run(instead))
    if arguments[:1] == ["--version"]:
        sys.stdout = BestEffortStream(sys.stdout)

"""What the doit commands about pipelines share: they read the file, and need no queue."""

from __future__ import annotations

import json
import os
import sys
from getopt import GetoptError
from pathlib import Path
from typing import Any

from doit.cmd_base import DoitCmdBase
from doit.exceptions import InvalidDodoFile

from common.doit_arguments import typed_words
from common.output_stream import bear_any_text, silence
from common.yaml.findings import did_you_mean
from pipelines.domain.errors import BadPipelineFile, BadUsage, PipelineError
from pipelines.domain.pipeline import Pipeline
from pipelines.language.load import Kinds, read_pipelines

OPTION_PARAM: dict[str, Any] = {
    "name": "param",
    "short": "",
    "long": "param",
    "type": list,
    "default": [],
    "help": "value of a parameter, like --param version=1.2; may be given again",
}

OPTION_JSON: dict[str, Any] = {
    "name": "json",
    "short": "",
    "long": "json",
    "type": bool,
    "default": False,
    "help": "print one JSON document instead of text",
}


class PipelineCommand(DoitCmdBase):  # type: ignore[misc]
    """Base of the doit commands that deal with `pipelines.yaml` alone.

    doit's tasks are not made: these commands work, and tell more, when the file has mistakes.
    """

    # doit needs the values, but nobody is to choose a database that we don't use.
    base_options = tuple({**option, "long": ""} for option in DoitCmdBase.base_options)

    def parse_execute(self, in_args: list[str]) -> Any:
        """doit's entry with the words as they were typed."""
        try:
            words = typed_words(self, in_args)
        except GetoptError as error:
            sys.stderr.write(f"doit {self.name}: {error}; see `doit help {self.name}`\n")
            return BadUsage.exit_code
        return super().parse_execute(words)

    def execute(self, params: Any, args: list[str]) -> int:
        """doit's entry: a PipelineError becomes lines on stderr and its exit code."""
        bear_any_text(sys.stdout)
        self.loader.setup(params)
        try:
            options = {option["name"]: params[option["name"]] for option in self.cmd_options}
            code = self.run(args, **options)
            sys.stdout.flush()
        except BadPipelineFile as error:
            sys.stderr.write(f"{error}\n")
            return error.exit_code
        except PipelineError as error:
            sys.stderr.write(f"doit {self.name}: {error}\n")
            return error.exit_code
        except OSError as error:
            silence(sys.stdout)
            if not isinstance(error, BrokenPipeError):  # then who reads has seen enough
                sys.stderr.write(f"doit {self.name}: {error.strerror or error}\n")
            return 1
        return code

    def run(self, args: list[str], **options: Any) -> int:
        """The command itself. Raises PipelineError."""
        raise NotImplementedError

    @staticmethod
    def write_json(value: Any) -> None:
        """Print a value for `--json`."""
        sys.stdout.write(json.dumps(value, indent=2) + "\n")

    @property
    def kinds(self) -> Kinds:
        """All kinds of steps."""
        found: Kinds = self.loader.namespace["KINDS"]
        return found

    def file(self) -> Path:
        """The farm's file of pipelines. Raises BadPipelineFile."""
        space = self.loader.namespace
        try:
            return Path(space["pipelines_path"](space["HOME"], os.environ))
        except InvalidDodoFile as error:
            raise BadPipelineFile(str(error)) from error

    def pipeline(self, args: list[str]) -> Pipeline:
        """The pipeline that the one argument names. Raises BadUsage, BadPipelineFile."""
        if len(args) != 1:
            raise BadUsage("the name of one pipeline is wanted; `doit list` shows them")
        pipelines = read_pipelines(self.file(), self.kinds)
        if args[0] not in pipelines:
            hint = did_you_mean(args[0], pipelines)
            raise BadUsage(f"there is no pipeline {args[0][:60]!r}{hint}")
        return pipelines[args[0]]


def given_params(words: list[str]) -> dict[str, str]:
    """`name=value` words as a map. Raises BadUsage."""
    given: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise BadUsage(f"--param {word[:60]!r}: NAME=VALUE is wanted")
        if name in given:
            raise BadUsage(f"--param {name!r} is given twice")
        given[name] = value
    return given

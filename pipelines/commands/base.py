"""Base of the doit commands about pipelines: they read the file and need no queue."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from common.cli.command import Command
from common.errors import UsageError
from common.yaml.findings import did_you_mean
from pipelines.domain.pipeline import Pipeline
from pipelines.language.load import Kinds, read_pipelines
from pipelines.tasks.definitions.choice import Chosen
from pipelines.tasks.pipelines import Pipelines


class PipelineCommand(Command):
    """Base of the doit commands that need only `pipelines.yaml`."""

    def _execute(self, *, pos_args: list[str], **options: Any) -> int:
        return self.run(pos_args, **options)

    def run(self, args: list[str], **options: Any) -> int:
        """The command itself. Raises ApplicationError."""
        raise NotImplementedError

    @staticmethod
    def write_json(value: Any) -> None:
        """Print a value for `--json`."""
        sys.stdout.write(json.dumps(value, indent=2) + "\n")

    @property
    def _pipelines(self) -> Pipelines:
        found: Pipelines = self.loader.namespace["PIPELINES"]
        return found

    @property
    def kinds(self) -> Kinds:
        """All step kinds."""
        return self._pipelines.kinds

    def file(self) -> Path:
        """The farm's pipelines file. Raises BadPipelineFile."""
        return self._pipelines.file()

    def source_state(self) -> Chosen | None:
        """The commit of `pipelines_source` in use; None without one. Raises BadPipelineFile."""
        return self._pipelines.source_state()

    def default_timeout(self) -> float:
        """Seconds that a step without a timeout may take here. Raises ApplicationError."""
        return self._pipelines.default_timeout()

    def pipeline(self, args: list[str]) -> Pipeline:
        """The pipeline that the one argument names. Raises UsageError, BadPipelineFile."""
        if len(args) != 1:
            raise UsageError("expected the name of one pipeline; `doit list` shows them")
        pipelines = read_pipelines(self.file(), self.kinds)
        if args[0] not in pipelines:
            hint = did_you_mean(args[0], pipelines)
            raise UsageError(f"unknown pipeline {args[0][:60]!r}{hint}")
        return pipelines[args[0]]

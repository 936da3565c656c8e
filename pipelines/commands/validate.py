"""`doit validate`: every error of a pipelines file."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from common.cli.command import OPTION_JSON, tell
from common.errors import UsageError
from common.settings.farm import FARM_FILE
from common.yaml.findings import Finding
from pipelines.commands.base import PipelineCommand
from pipelines.domain.errors import BadPipelineFile, BadValue
from pipelines.domain.pipeline import Pipeline
from pipelines.domain.validation import check_source
from pipelines.language.farm import check_farm, read_farm
from pipelines.language.load import read_pipelines


class ValidateCommand(PipelineCommand):
    """doit command."""

    name = "validate"
    doc_purpose = "check pipelines.yaml and report every error with its place"
    doc_usage = "[FILE] [--json]"
    doc_description = """
Without FILE, checks the farm's own file; with pipelines_source, that of the commit in use, and says
why a newer one is not. Checks included files too, and the farm.yaml beside the file.
Each error is a line on stderr: FILE:LINE:COLUMN: MESSAGE. With --json they are in the document.

Exit codes: 0 valid, 3 invalid file or bad usage.
"""
    group = "pipelines"
    cmd_options = (OPTION_JSON,)

    def run(self, args: list[str], **options: Any) -> int:
        """Check, and print the result."""
        if len(args) > 1:
            raise UsageError(f"unexpected argument {args[1][:60]!r}: give one file at a time")
        path = Path(args[0]) if args else self.file()
        if not args and (chosen := self.source_state()) and chosen.problem:
            tell(f"doit validate: {chosen.problem}; commit {chosen.commit[:12]} stays in use")
        try:
            if path.name == FARM_FILE:
                return self._show_farm_file(path, json=options["json"])
            pipelines = read_pipelines(path, self.kinds)
            _refuse_placeholders(pipelines)
            check_farm(path, pipelines)
        except BadPipelineFile as error:
            if not options["json"]:
                raise
            self.write_json(_report(path, {}, error.findings, self.default_timeout()))
            return error.exit_code
        seconds = self.default_timeout()
        if options["json"]:
            self.write_json(_report(path, pipelines, (), seconds))
            return 0
        steps = sum(len(pipeline.steps) for pipeline in pipelines.values())
        counted = f"{_count(len(pipelines), 'pipeline')} with {_count(steps, 'step')}"
        sys.stdout.write(f"{path}: valid, {counted}\n")
        if endless := sum(map(_without_timeout, pipelines.values())):
            end = f"{seconds / 3600:g} h (default_timeout in builder.yaml)"
            verb = "ends" if endless == 1 else "end"
            sys.stdout.write(f"{_count(endless, 'step')} without `timeout` {verb} after {end}\n")
        return 0

    def _show_farm_file(self, path: Path, *, json: bool) -> int:
        read_farm(path)
        if json:
            self.write_json(_report(path, {}, (), self.default_timeout()))
        else:
            sys.stdout.write(f"{path}: valid\n")
        return 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _without_timeout(pipeline: Pipeline) -> int:
    return sum(step.timeout is None for step in pipeline.steps)


def _refuse_placeholders(pipelines: Mapping[str, Pipeline]) -> None:
    findings = []
    for pipeline in pipelines.values():
        try:
            check_source(pipeline)
        except BadValue as error:
            file, line, column = str(pipeline.place).rsplit(":", 2)
            findings.append(Finding(file, int(line), int(column), str(error)))
    if findings:
        raise BadPipelineFile("\n".join(map(str, findings)), findings)


def _report(
    path: Path,
    pipelines: Mapping[str, Pipeline],
    mistakes: Sequence[Finding],
    default_timeout: float,
) -> dict[str, Any]:
    return {
        "file": str(path),
        "valid": not mistakes,
        "default_timeout_seconds": default_timeout,
        "pipelines": [
            {
                "name": pipeline.name,
                "steps": len(pipeline.steps),
                "steps_without_timeout": _without_timeout(pipeline),
            }
            for pipeline in pipelines.values()
        ],
        "mistakes": [asdict(mistake) for mistake in mistakes],
    }

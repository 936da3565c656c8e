"""`doit validate`: every mistake of a file of pipelines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pipelines.config import read_pipelines
from pipelines.doit_command import PipelineCommand
from pipelines.errors import BadUsage


class ValidateCommand(PipelineCommand):
    """doit command."""

    name = "validate"
    doc_purpose = "check a file of pipelines, and tell every mistake with its place"
    doc_usage = "[FILE]"
    doc_description = """
Without FILE the farm's own file is checked. Included files are checked too.
Each mistake is a line on stderr: FILE:LINE:COLUMN: MESSAGE

Exit codes: 0 valid, 3 there are mistakes, or bad usage.
"""
    cmd_options: tuple[dict[str, Any], ...] = ()

    def run(self, args: list[str], **options: Any) -> int:  # noqa: ARG002
        """Check and say so."""
        if len(args) > 1:
            raise BadUsage(f"what is {args[1][:60]!r}? one file is checked at a time")
        path = Path(args[0]) if args else self.file()
        pipelines = read_pipelines(path, self.kinds)
        steps = sum(len(pipeline.steps) for pipeline in pipelines.values())
        sys.stdout.write(f"{path}: valid, {len(pipelines)} pipelines with {steps} steps\n")
        return 0

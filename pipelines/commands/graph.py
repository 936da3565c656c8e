"""`doit graph`: a picture of a pipeline."""

from __future__ import annotations

import sys
from typing import Any

from common.cli.command import OPTION_JSON
from common.errors import UsageError
from common.yaml.findings import did_you_mean
from pipelines.commands.base import PipelineCommand
from pipelines.language.views.drawing import as_data, as_dot, as_mermaid, as_text
from pipelines.language.views.svg import as_svg

_FORMATS = {"text": as_text, "mermaid": as_mermaid, "dot": as_dot, "svg": as_svg}


class GraphCommand(PipelineCommand):
    """doit command."""

    name = "graph"
    doc_purpose = "draw the steps of a pipeline and their order"
    doc_usage = "PIPELINE [--format text|mermaid|dot|svg | --json]"
    doc_description = """
Prints a tree for the terminal, or a drawing for mermaid, Graphviz or a browser (svg).

Exit codes: 0 drawn, 3 invalid file or bad usage.
"""
    group = "pipelines"
    completes = "pipelines"
    cmd_options = (
        {"name": "format", "long": "format", "type": str, "default": "",
         "help": "text, mermaid, dot or svg [default: text]"},
        OPTION_JSON,
    )  # fmt: skip

    def run(self, args: list[str], **options: Any) -> int:
        """Read, draw, print."""
        if options["format"] and options["json"]:
            raise UsageError("--format and --json exclude each other")
        wanted = options["format"] or "text"
        if wanted not in _FORMATS:
            hint = did_you_mean(wanted, _FORMATS)
            raise UsageError(f"unknown format {wanted[:60]!r}{hint}")
        pipeline = self.pipeline(args)
        if options["json"]:
            self.write_json(as_data(pipeline))
        else:
            sys.stdout.write(f"{_FORMATS[wanted](pipeline)}\n")
        return 0

"""`doit new`: a pipeline to start with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from common.errors import UsageError
from common.yaml.document import parse_document
from common.yaml.findings import did_you_mean
from pipelines.commands.base import PipelineCommand
from pipelines.commands.templates import TEMPLATES
from pipelines.language.load import read_pipelines
from pipelines.language.names import NAME_RULE, is_name
from pipelines.language.reading.insertion import NEW_FILE, with_pipeline


class NewCommand(PipelineCommand):
    """doit command."""

    name = "new"
    doc_purpose = "add a valid, commented pipeline to pipelines.yaml"
    doc_usage = "NAME --template maven-deb|maven|deb|shell"
    doc_description = """
The new pipeline is appended to the file; nothing else in the file changes.

Exit codes: 0 added, 3 invalid file or bad usage (nothing is changed).
"""
    group = "pipelines"
    cmd_options = (
        {"name": "template", "long": "template", "type": str, "default": "maven-deb",
         "help": "maven-deb, maven, deb or shell [default: %(default)s]"},
    )  # fmt: skip

    def run(self, args: list[str], **options: Any) -> int:
        """Add it, if the resulting file is valid."""
        if len(args) != 1:
            raise UsageError("expected the name of the new pipeline")
        name, template = args[0], options["template"]
        if template not in TEMPLATES:
            hint = did_you_mean(template, TEMPLATES)
            raise UsageError(f"unknown template {template[:60]!r}{hint}")
        if not is_name(name):
            raise UsageError(f"invalid pipeline name {name[:60]!r}: {NAME_RULE}")
        path = self.file()
        if path.exists() and name in read_pipelines(path, self.kinds):
            raise UsageError(f"pipeline {name!r} already exists")
        self._add(path, TEMPLATES[template].replace("NAME", name))
        sys.stdout.write(f"{path}: added pipeline {name}. Set its repository.\n")
        return 0

    def _add(self, path: Path, entry: str) -> None:
        text = path.read_text(encoding="utf-8") if path.exists() else NEW_FILE
        try:
            longer = with_pipeline(parse_document(text.encode(), str(path)), text, entry)
        except ValueError as error:
            raise UsageError(f"{path}: {error}") from error
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(longer, encoding="utf-8")
        try:
            if path.exists():
                beside.chmod(path.stat().st_mode & 0o777)
            read_pipelines(beside, self.kinds)
            beside.replace(path.resolve())
        finally:
            beside.unlink(missing_ok=True)

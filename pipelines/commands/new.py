"""`doit new`: a pipeline to start with."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from common.cli.command import OPTION_JSON
from common.errors import UsageError
from common.yaml.document import parse_document
from common.yaml.findings import did_you_mean
from pipelines.commands.base import PipelineCommand
from pipelines.commands.templates import TEMPLATES
from pipelines.domain.validation import PLACEHOLDER
from pipelines.language.load import read_pipelines
from pipelines.language.names import NAME_RULE, is_name
from pipelines.language.reading.insertion import NEW_FILE, with_pipeline


class NewCommand(PipelineCommand):
    """doit command."""

    name = "new"
    doc_purpose = "add a valid, commented pipeline to pipelines.yaml"
    doc_usage = "NAME [--template maven-deb|maven|deb|shell] [--repository URL] [--json]"
    doc_description = """
The new pipeline is appended to the file; nothing else in the file changes. Without --repository it
has a placeholder, which `doit validate` and `doit enqueue` refuse until you set it.

Exit codes: 0 added, 3 invalid file or bad usage (nothing is changed).
"""
    group = "pipelines"
    cmd_options = (
        {"name": "template", "long": "template", "type": str, "default": "maven-deb",
         "help": "maven-deb, maven, deb or shell [default: %(default)s]"},
        {"name": "repository", "long": "repository", "type": str, "default": "",
         "help": "URL or path of its source, such as ./source.git (relative to the file's folder)"},
        OPTION_JSON,
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
        if self.source_state():
            raise UsageError(
                "the pipelines come from pipelines_source (builder.yaml): run this where the"
                " repository is checked out, with PIPELINES_FILE=pipelines.yaml."
            )
        path = self.file()
        if path.exists() and name in read_pipelines(path, self.kinds):
            raise UsageError(f"pipeline {name!r} already exists")
        repository = options["repository"]
        entry = TEMPLATES[template].replace("NAME", name)
        if repository:
            entry = entry.replace(PLACEHOLDER, json.dumps(repository))  # JSON is YAML, too
        self._add(path, entry)
        if options["json"]:
            added = {"file": str(path), "pipeline": name, "template": template}
            self.write_json({**added, "has_placeholder": not repository})
        else:
            remedy = "" if repository else " Set its repository."
            sys.stdout.write(f"{path}: added pipeline {name}.{remedy}\n")
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

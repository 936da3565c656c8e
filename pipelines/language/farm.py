"""`farm.yaml` beside a pipelines file: what the pipelines and it say of each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from common.settings.farm import FARM_FILE, FarmFile, parse_farm_file
from common.yaml.document import read_document
from common.yaml.findings import Finding, InvalidFile, did_you_mean
from pipelines.domain.errors import BadPipelineFile
from pipelines.domain.pipeline import Pipeline


def read_farm(path: Path) -> FarmFile:
    """The content of the file. Raises BadPipelineFile."""
    try:
        return parse_farm_file(read_document(path))
    except InvalidFile as error:
        raise BadPipelineFile(str(error), error.findings) from error


def check_farm(pipelines_file: Path, pipelines: Mapping[str, Pipeline]) -> None:
    """Check the file beside the pipelines file, and that it has their channels.

    Raises BadPipelineFile.
    """
    path = pipelines_file.with_name(FARM_FILE)
    farm = read_farm(path) if path.exists() else FarmFile()
    findings = []
    for pipeline in pipelines.values():
        for name in (name for each in pipeline.notify for name in each.to):
            if name not in farm.channels:
                file, line, column = str(pipeline.place).rsplit(":", 2)
                hint = did_you_mean(name, farm.channels) or f" (none is in {path})"
                text = f"notify: unknown channel '{name}'{hint}"
                findings.append(Finding(file, int(line), int(column), text))
    if findings:
        raise BadPipelineFile("\n".join(map(str, findings)), findings)

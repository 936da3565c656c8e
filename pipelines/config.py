"""`pipelines.yaml` to `Pipeline` values: read the files, then parse without touching anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.errors import BadPipelineFile
from pipelines.language.assembly import Entries, assemble
from pipelines.language.entries import RawFile
from pipelines.language.files import read_files
from pipelines.language.reader import Kinds, PipelineReader
from pipelines.model import Pipeline
from typed_yaml import Document, Finding, InvalidFile, collection_paused, validate

__all__ = ["Kinds", "parse_pipelines", "read_pipelines"]


def read_pipelines(path: Path, kinds: Kinds) -> dict[str, Pipeline]:
    """Read and check the file, with all that it includes. Raises BadPipelineFile."""
    try:
        with collection_paused():
            return _parse(read_files(path), kinds)
    except InvalidFile as error:
        raise BadPipelineFile(str(error), error.findings) from error


def parse_pipelines(document: Document, kinds: Kinds) -> dict[str, Pipeline]:
    """Check a document that includes nothing. Raises InvalidFile with all findings."""
    validate(RawFile, document)
    return _parse([document], kinds)


def _parse(documents: Sequence[Document], kinds: Kinds) -> dict[str, Pipeline]:
    entries = Entries(documents)
    findings: list[Finding] = [*entries.findings]
    pipelines = {}
    for name in entries.names:
        expanded = assemble(name, entries)
        reader = PipelineReader(name, expanded.assembled, expanded.matrices, kinds)
        pipeline = reader.pipeline()
        findings += [*expanded.findings, *reader.findings]
        if pipeline is not None:
            pipelines[name] = pipeline
    if findings:
        raise InvalidFile(findings)
    return pipelines

"""`pipelines.yaml` to `Pipeline` values: first read the files, then parse without I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from common.yaml.document import Document, collection_paused
from common.yaml.findings import Finding, InvalidFile
from common.yaml.validate import validate
from pipelines.domain.errors import BadPipelineFile
from pipelines.domain.pipeline import Pipeline
from pipelines.language.entries import RawFile
from pipelines.language.reading.assembly import Entries, assemble
from pipelines.language.reading.dependency_order import find_cycle
from pipelines.language.reading.files import read_files
from pipelines.language.reading.pipeline_reader import Kinds, PipelineReader

__all__ = ["Kinds", "parse_pipelines", "read_pipelines"]


def read_pipelines(path: Path, kinds: Kinds) -> dict[str, Pipeline]:
    """Read and check the file with all its includes. Raises BadPipelineFile."""
    try:
        with collection_paused():
            return _parse(read_files(path), kinds)
    except InvalidFile as error:
        raise BadPipelineFile(str(error), error.findings) from error


def parse_pipelines(document: Document, kinds: Kinds) -> dict[str, Pipeline]:
    """Check a document without includes. Raises InvalidFile with all findings."""
    validate(RawFile, document)
    return _parse([document], kinds)


def _parse(documents: Sequence[Document], kinds: Kinds) -> dict[str, Pipeline]:
    entries = Entries(documents)
    findings: list[Finding] = [*entries.findings]
    pipelines = {}
    for name in entries.names:
        expanded = assemble(name, entries)
        reader = PipelineReader(name, expanded.assembled, expanded.matrices, kinds, entries.names)
        pipeline = reader.pipeline()
        findings += [*expanded.findings, *reader.findings]
        if pipeline is not None:
            pipelines[name] = pipeline
    findings += _endless(pipelines)
    if findings:
        raise InvalidFile(findings)
    return pipelines


def _endless(pipelines: Mapping[str, Pipeline]) -> Iterator[Finding]:
    """Pipelines that would start each other for ever."""
    cycle = find_cycle({name: found.triggers.after for name, found in pipelines.items()})
    if cycle:
        file, line, column = str(pipelines[cycle[0]].place).rsplit(":", 2)
        text = f"pipelines start each other without an end: {' -> '.join(cycle)}"
        yield Finding(file, int(line), int(column), text)

"""Pipelines from the text of their steps, and what is wrong with a text."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from common.yaml.document import parse_document
from common.yaml.findings import InvalidFile
from pipelines.domain.pipeline import Pipeline, Step
from pipelines.language.load import parse_pipelines
from pipelines.steps.registry import step_kinds

KINDS = step_kinds(lambda step, manifest: "published", dict)
HEAD = "description: d\nsource: {repository: r}\n"


def read(entry: str, name: str = "p") -> Pipeline:
    """The pipeline `name` of a file whose pipelines are `entry`, one pipeline's keys."""
    return read_all(f"{name}:\n{indent(dedent(entry), '  ')}")[name]


def read_all(entries: str) -> dict[str, Pipeline]:
    """The pipelines of a file, from what stands under `pipelines:`."""
    text = f"pipelines:\n{indent(dedent(entries), '  ')}"
    return parse_pipelines(parse_document(text.encode(), "/farm/p.yaml"), KINDS)


def steps(text: str, head: str = HEAD) -> dict[str, Step]:
    """The steps by name of a pipeline with these steps."""
    pipeline = read(f"{head}steps:\n{indent(dedent(text), '  ')}")
    return {step.name: step for step in pipeline.steps}


def findings(entry: str) -> list[str]:
    """`line:column: message` of all mistakes of a pipeline; places are those in `entry`."""
    with pytest.raises(InvalidFile) as caught:
        read(entry)
    return [_moved(str(finding), lines=2, columns=4) for finding in caught.value.findings]


def step_findings(text: str, head: str = HEAD) -> list[str]:
    """Mistakes of a pipeline with these steps; places are those in `text`."""
    before = len(head.splitlines()) + 1
    found = findings(f"{head}steps:\n{indent(dedent(text), '  ')}")
    return [_moved(f"/farm/p.yaml:{finding}", lines=before, columns=2) for finding in found]


def _moved(finding: str, *, lines: int, columns: int) -> str:
    _, line, column, message = finding.split(":", 3)
    return f"{int(line) - lines}:{int(column) - columns}:{message}"

"""Schema and reference are those that the models make, and the schema says what the reader says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from common.yaml.document import parse_document, read_document
from common.yaml.findings import InvalidFile
from pipelines.commands.generated_files import generated_files
from tests.conftest import HOME
from tests.support.pipelines.reading import read_all

SCHEMA = json.loads((HOME / "pipelines.schema.json").read_text())
FILES = [HOME / "pipelines.yaml", *sorted((HOME / "examples").rglob("pipelines.yaml"))]


@pytest.mark.parametrize("name", generated_files())
def test_is_current(name: str) -> None:
    assert (HOME / name).read_text() == generated_files()[name], "run scripts/reference"


def problems(data: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(data)]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOME)))
def test_a_valid_file_is_valid_for_the_schema(path: Path) -> None:
    assert problems(read_document(path).data) == []


@pytest.mark.parametrize(
    "entry",
    [
        "{description: d, source: {repository: r}, steps: [{run: x, timeuot: 5}]}",
        "{description: d, source: {repository: r}, steps: [{name: x}]}",
        "{description: d, source: {repository: r}, steps: [{run: x, uses: maven}]}",
        "{description: d, source: {repository: r}, steps: [{uses: maven, with: {goal: x}}]}",
        "{description: d, source: {repository: r}, steps: [{run: x, timeout: soon}]}",
        "{description: d, steps: [{run: x}]}",
        "{description: d, source: {repository: r}, steps: [{run: x, shell: fish}]}",
        "{description: d, source: {repo: r}, steps: [{run: x}]}",
        "{description: d, source: {repository: r}, params: {a: {tpye: x}}, steps: [{run: x}]}",
        "{description: d, source: {repository: r}, steps: [{run: x, matrix: {a: [[]]}}]}",
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(entry: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidFile):
        read_all(f"p: {entry}")
    path = tmp_path / "p.yaml"
    path.write_text(f"pipelines:\n  p: {entry}\n")
    assert problems(read_document(path).data)


def test_the_documented_farm_file_is_valid_for_its_schema() -> None:
    schema = json.loads((HOME / "farm.schema.json").read_text())
    text = (HOME / "docs" / "alerts.md").read_text().partition("```yaml farm\n")[2]
    data = parse_document(text.partition("```")[0].encode(), "farm.yaml").data
    assert Draft202012Validator(schema).is_valid(data)
    assert not Draft202012Validator(schema).is_valid({"channels": {"x": {"mail": "a@b"}}})

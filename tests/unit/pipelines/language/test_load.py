from __future__ import annotations

from pathlib import Path

import pytest

from common.yaml.document import parse_document
from common.yaml.findings import InvalidFile
from pipelines.domain.errors import BadPipelineFile
from pipelines.domain.pipeline import Pipeline
from pipelines.language.load import parse_pipelines, read_pipelines
from pipelines.steps.registry import step_kinds

KINDS = step_kinds(lambda step, manifest: "published", dict)
HEAD = "pipelines:\n  p:\n    description: d\n    source: {repository: r}\n    steps:\n"


def parse(steps: str) -> Pipeline:
    return parse_pipelines(parse_document((HEAD + steps).encode(), "/farm/p.yaml"), KINDS)["p"]


def findings(text: str) -> list[str]:
    with pytest.raises(InvalidFile) as caught:
        parse_pipelines(parse_document(text.encode(), "p.yaml"), KINDS)
    return [str(finding) for finding in caught.value.findings]


def test_steps_need_the_step_before_unless_they_say_otherwise() -> None:
    pipeline = parse(
        "      - uses: git-checkout\n"
        "      - {uses: maven, name: compile, timeout: 2m}\n"
        "      - {uses: maven, name: check, needs: git-checkout}\n"
        "      - {uses: publish-status, needs: [compile, check], when: always}\n"
    )
    assert {step.name: step.needs for step in pipeline.steps} == {
        "git-checkout": (),
        "compile": ("git-checkout",),
        "check": ("git-checkout",),
        "publish-status": ("compile", "check"),
    }
    assert [step.always for step in pipeline.steps] == [False, False, False, True]
    assert pipeline.steps[1].timeout == 120


def test_environment_of_a_step_covers_that_of_its_pipeline() -> None:
    text = (
        "pipelines: {p: {description: d, source: {repository: r}, env: {A: 1, B: 2},"
        " steps: [{uses: maven, env: {B: no}}]}}"
    )
    pipeline = parse_pipelines(parse_document(text.encode(), "p.yaml"), KINDS)["p"]
    assert pipeline.steps[0].env == {"A": "1", "B": "no"}


def test_a_relative_repository_is_taken_from_the_files_folder() -> None:
    text = HEAD.replace("repository: r", "repository: ../r.git") + "      - uses: git-checkout\n"
    pipeline = parse_pipelines(parse_document(text.encode(), "/farm/here/p.yaml"), KINDS)["p"]
    assert pipeline.source.repository == "/farm/r.git"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("      - uses: mavne\n", ":6:15: unknown step kind 'mavne'; did you mean 'maven'?"),
        (
            "      - uses: maven\n        with: {skip_test: true}\n",
            ":7:16: unknown key 'skip_test'; did you mean 'skip_tests'?",
        ),
        (
            "      - uses: maven\n      - uses: maven\n",
            ":7:9: duplicate step 'maven': give it another 'name:'",
        ),
        (
            "      - uses: maven\n        needs: [mvn]\n",
            ":7:17: unknown step 'mvn'",
        ),
        (
            "      - {uses: maven, name: a, needs: b}\n      - {uses: maven, name: b, needs: a}\n",
            ":6:9: steps wait for each other: a -> b -> a",
        ),
        ("      - {uses: maven, name: A=B}\n", "invalid step name 'A=B'"),
        ("      - {uses: maven, when: alwys}\n", "did you mean 'always'?"),
        ("      - {uses: maven, when: sometimes}\n", "when: unknown word 'sometimes'"),
        ("      []\n", "expected at least one step"),
    ],
)
def test_mistakes_are_told_with_their_place(steps: str, message: str) -> None:
    assert any(message in finding for finding in findings(HEAD + steps)), findings(HEAD + steps)


def test_the_farms_own_file_is_valid() -> None:
    home = Path(__file__).parents[4]
    pipelines = read_pipelines(home / "pipelines.yaml", KINDS)
    assert set(pipelines) == {"cloudstack", "sample"}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadPipelineFile, match=r"pipelines\.yaml:1:1: cannot be read: No such file"):
        read_pipelines(tmp_path / "pipelines.yaml", KINDS)

"""A pipeline that became a plan and came back is the same pipeline."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from pipelines.domain.errors import UnusablePlan
from pipelines.domain.pipeline import Pipeline
from pipelines.language.load import read_pipelines
from pipelines.steps.registry import step_kinds
from pipelines.tasks.plan_document import read_plan, write_plan

KINDS = step_kinds(lambda step, manifest: "", dict)
EVERYTHING = """
    pipelines:
      all:
        description: everything the language has
        source: {repository: https://example.org/x.git, submodules: true}
        for: {types: [build], branches: ["4.*"]}
        labels: [jdk=17]
        params:
          level: {type: integer, default: 3, choices: [1, 3]}
          deploy: {type: boolean}
        secrets: [TOKEN]
        env: {ONE: "1"}
        timeout: 2h
        max_attempts: 2
        steps:
          - uses: git-checkout
          - name: test
            matrix: {jdk: [11, 17]}
            run: make JDK=${{ matrix.jdk }} LEVEL="${{ params.level }}" >> log
            values: [version]
            env: {TOKEN: "${{ secrets.TOKEN }}"}
            dir: sub
            inputs: ["src/**"]
            outputs: [made]
            artifacts: ["*.txt"]
            timeout: 10m
            silent_timeout: 1m
            retries: {count: 2, backoff: 5s, on: [NETWORK]}
            allow_failure: true
            resources: [db]
          - {uses: maven, with: {goals: [install], threads: "${{ params.level }}"}}
          - {uses: artifact-manifest, when: "params.deploy and changed('docs/**')"}
          - {uses: publish-status, when: always}
"""


def pipelines(folder: Path, text: str) -> dict[str, Pipeline]:
    path = folder / "pipelines.yaml"
    path.write_text(dedent(text))
    return read_pipelines(path, KINDS)


def without_places(pipeline: Pipeline) -> Pipeline:
    steps = tuple(replace(step, place="") for step in pipeline.steps)
    return replace(pipeline, steps=steps, place="")


def test_everything_comes_back(tmp_path: Path) -> None:
    pipeline = pipelines(tmp_path, EVERYTHING)["all"]
    assert without_places(read_plan(write_plan(pipeline), KINDS)) == without_places(pipeline)


def test_the_shipped_pipelines_come_back() -> None:
    for pipeline in read_pipelines(Path(__file__).parents[4] / "pipelines.yaml", KINDS).values():
        data = write_plan(pipeline)
        assert without_places(read_plan(data, KINDS)) == without_places(pipeline)
        assert write_plan(read_plan(data, KINDS)) == data


def test_a_comment_changes_nothing_and_a_script_does(tmp_path: Path) -> None:
    plan = write_plan(pipelines(tmp_path, EVERYTHING)["all"])
    moved = "# a word\n" + dedent(EVERYTHING)
    assert write_plan(pipelines(tmp_path, moved)["all"]) == plan
    other = EVERYTHING.replace("make JDK", "gmake JDK")
    assert write_plan(pipelines(tmp_path, other)["all"]) != plan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("uses", "mavne"),
            "unknown step kind 'mavne' of step maven of its plan; did you mean 'maven'?",
        ),
        (("options", {"goals": ["x"], "daemon": True}), "invalid options for maven in step "),
        (("speed", "fast"), "cannot read its plan: steps.0.speed: "),
    ],
)
def test_a_plan_of_another_version_is_refused_with_the_reason(
    change: tuple[str, object], message: str, tmp_path: Path
) -> None:
    text = """
        pipelines:
          p:
            description: d
            source: {repository: r}
            steps: [{uses: maven, with: {goals: [install]}}]
    """
    data = json.loads(write_plan(pipelines(tmp_path, text)["p"]))
    data["steps"][0][change[0]] = change[1]
    with pytest.raises(UnusablePlan) as error:
        read_plan(json.dumps(data).encode(), KINDS)
    assert message in str(error.value)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format": 2}', b"\xff"])
def test_what_is_no_plan(data: bytes) -> None:
    with pytest.raises(UnusablePlan, match="cannot read its plan"):
        read_plan(data, KINDS)

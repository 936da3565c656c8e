from __future__ import annotations

import pytest

from common.job_pattern import JobPattern
from pipelines.domain.errors import FailureCode
from pipelines.domain.expressions import Status
from pipelines.domain.params import Param, ParamType
from pipelines.domain.pipeline import Retries, Unresolved
from pipelines.steps.run import RunOptions
from tests.support.pipelines.reading import HEAD, findings, read, step_findings, steps


def test_a_pipeline_says_all_that_it_can_say() -> None:
    pipeline = read(
        """
        description: all of it
        source: {repository: https://example.org/x.git, submodules: true, lfs: true}
        for: {types: [build], branches: ["4.*", main]}
        labels: [docker, jdk=17]
        params:
          version: {default: 1.10, description: what to build}
          mode: {type: string, choices: [fast, full], default: fast}
          count: {type: integer}
        env: {A: 1}
        secrets: [TOKEN]
        timeout: 2h
        max_attempts: 2
        steps: [{run: make}]
        """
    )
    assert pipeline.source.submodules and pipeline.source.lfs
    assert pipeline.takes == JobPattern(types=("build",), branches=("4.*", "main"))
    assert pipeline.params["version"] == Param(
        name="version", default="1.10", description="what to build"
    )
    assert pipeline.params["count"].type is ParamType.INTEGER
    assert pipeline.params["count"].default is None
    assert (pipeline.labels, pipeline.secrets) == (("docker", "jdk=17"), ("TOKEN",))
    assert (pipeline.timeout, pipeline.max_attempts) == (7200, 2)
    assert str(pipeline.place) == "/farm/p.yaml:2:3"


def test_a_step_says_all_that_it_can_say() -> None:
    step = steps(
        """
        - name: make
          run: make all
          shell: sh
          env: {A: b}
          dir: sub
          inputs: ["src/**"]
          outputs: [out/x]
          artifacts: out/*.tar
          values: [version]
          when: always
          timeout: 5m
          silent_timeout: 30
          retries: {count: 3, backoff: 1s, on: [NETWORK, DISK_FULL]}
          allow_failure: true
          resources: [network]
        """
    )["make"]
    assert step.kind.name == "run"
    assert step.options == RunOptions(script="make all", shell="sh")
    assert (step.dir, step.inputs, step.outputs) == ("sub", ("src/**",), ("out/x",))
    assert (step.artifacts, step.values, step.resources) == (
        ("out/*.tar",),
        ("version",),
        ("network",),
    )
    assert step.when.expression is Status.ALWAYS
    assert (step.timeout, step.silent_timeout) == (300, 30)
    codes = (FailureCode.NETWORK, FailureCode.DISK_FULL)
    assert step.retries == Retries(count=3, backoff=1, on=codes)
    assert step.allow_failure
    assert step.always


def test_defaults_are_for_what_a_step_does_not_say() -> None:
    head = f"{HEAD}env: {{A: p, B: p, C: p}}\n" + (
        "defaults: {shell: sh, env: {A: d, B: d}, dir: x, timeout: 1m, retries: 2}\n"
    )
    found = steps("- {name: a, run: x, env: {A: s}}\n- {name: b, run: x, timeout: 1, dir: y}", head)
    assert found["a"].env == {"A": "s", "B": "d", "C": "p"}
    assert (found["a"].dir, found["a"].timeout, found["a"].retries.count) == ("x", 60, 2)
    assert (found["b"].dir, found["b"].timeout) == ("y", 1)
    assert found["a"].options == RunOptions(script="x", shell="sh")


def test_a_step_with_references_has_its_options_later() -> None:
    head = f"{HEAD}params: {{t: {{default: 1C}}}}\n"
    step = steps("- {uses: maven, with: {threads: '${{ params.t }}', goals: [install]}}", head)
    assert step["maven"].options == Unresolved(
        values={"threads": "${{ params.t }}", "goals": ["install"]}
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- {}", "1:3: expected 'uses:' (a step kind) or 'run:' (a script)"),
        ("- {run: x, uses: maven}", "1:12: expected 'uses:' or 'run:', found both"),
        ("- {run: x, with: {a: b}}", "1:12: 'with:' is only for steps with 'uses:'"),
        ("- {uses: maven, shell: sh}", "1:17: 'shell:' is only for steps with 'run:'"),
        ("- {uses: shell}", "unknown step kind 'shell'; write the script under 'run:'"),
        (
            "- {run: x, dir: ../y}",
            "1:17: dir: expected a path inside the source tree, found '../y'",
        ),
        ("- {run: x, outputs: /y}", "outputs: expected a path inside the source tree, found '/y'"),
        ("- {run: x, env: {A-B: 1}}", "1:18: invalid variable name 'A-B'"),
        ("- {run: x, retries: 1000}", "1:21: count: expected 20 or less"),
        (
            "- {run: x, retries: {count: 1, on: NETWROK}}",
            "unknown failure code 'NETWROK'; did you mean 'NETWORK'?",
        ),
        ("- {run: x, timeout: soon}", "1:21: timeout: expected a duration"),
        ("- {run: x, silent_timout: 1}", "1:12: unknown key 'silent_timout'; did you mean"),
        ("- {uses: maven, with: {skip_tests: 5}}", "1:36: skip_tests: expected"),
        (
            "- {uses: maven, with: {goals: '${{ params.x }}', skip_tests: 5}}",
            "skip_tests: expected",
        ),
        ("- {uses: maven, dir: x}", "'dir:' is only for steps with 'run:'"),
        (
            "- {uses: maven, with: {gaols: '${{ params.x }}'}}",
            "1:24: unknown key 'gaols'; did you mean 'goals'?",
        ),
        ("- {uses: maven, values: [x]}", "'values:' is only for steps with 'run:'"),
        ("- {run: x, needs: [[a]]}", "1:20: needs: "),
        ("- {run: x, values: [a b]}", "invalid value name 'a b'"),
    ],
)
def test_what_is_wrong_with_a_step(text: str, expected: str) -> None:
    found = step_findings(text, f"{HEAD}params: {{x: {{default: a}}}}\n")
    assert len(found) == 1
    assert expected in found[0]


def test_every_mistake_is_told_at_once() -> None:
    found = findings(
        """\
        descripton: d
        source: {repository: r, submodule: true}
        params:
          n: {type: integer, default: x}
          c: {choices: [a, b], default: d}
          two-words: {default: x}
          two_words: {default: y}
        secrets: [a-b]
        env: {X: "${{ params.m }}"}
        timeout: never
        max_attempts: 0
        steps:
          - uses: mavne
          - {uses: maven, with: {skip_test: true}, needs: [mvn]}
          - {name: a, run: x, needs: [b], when: "params.n == 'x' and"}
          - {name: b, run: x, needs: [a], timeot: 1}
        """
    )
    for expected in (
        "1:1: unknown key 'descripton'; did you mean 'description'?",
        "missing key 'description'",
        "unknown key 'submodule'; did you mean 'submodules'?",
        "'n': expected an integer, found 'x'",
        "'c': unknown value 'd'",
        "'two_words' and 'two-words' would both become PARAM_TWO_WORDS",
        "invalid secret name 'a-b'",
        "X: unknown name 'params.m'",
        "timeout: expected a duration",
        "max_attempts: expected 1 or more",
        "13:11: unknown step kind 'mavne'; did you mean 'maven'?",
        "unknown key 'skip_test'; did you mean 'skip_tests'?",
        "unknown step 'mvn'",
        "when: expected a name or a value at the end",
        "unknown key 'timeot'; did you mean 'timeout'?",
        "steps wait for each other: a -> b -> a",
    ):
        assert any(expected in finding for finding in found), (expected, found)
    assert len(found) == 16, found

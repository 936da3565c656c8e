from __future__ import annotations

import pytest

from pipelines.steps.maven.options import MavenOptions
from pipelines.steps.run import RunOptions
from pipelines.tasks.plan_document import read_plan, write_plan
from tests.support.pipelines.reading import HEAD, KINDS, read, step_findings, steps


def test_one_step_for_each_combination_and_needs_that_fit() -> None:
    found = steps(
        """
        - uses: git-checkout
        - name: test
          uses: maven
          matrix: {jdk: [17, "21 EA"], os: [bookworm]}
          with: {jdk: "${{ matrix.jdk }}", goals: [test]}
        - {name: report, run: "echo done"}
        - {name: pack, run: "echo done", needs: [git-checkout, test]}
        - {name: one, run: "echo done", needs: test-17-bookworm}
        """
    )
    members = ("test-17-bookworm", "test-21-ea-bookworm")
    assert list(found) == ["git-checkout", *members, "report", "pack", "one"]
    assert [found[name].needs for name in members] == [("git-checkout",)] * 2
    assert found["test-17-bookworm"].options == MavenOptions(goals=("test",), jdk="17")
    assert found["test-21-ea-bookworm"].options == MavenOptions(goals=("test",), jdk="21 EA")
    assert found["test-17-bookworm"].matrix == {"jdk": "17", "os": "bookworm"}
    assert found["report"].needs == members
    assert found["pack"].needs == ("git-checkout", *members)
    assert found["one"].needs == ("test-17-bookworm",)


def test_members_wait_for_their_own_of_the_group_before_when_they_say_so() -> None:
    found = steps(
        """
        - {name: build, run: x, matrix: {jdk: [11, 17]}}
        - {name: "test-${{ matrix.jdk }}", run: y, matrix: {jdk: [11, 17]},
           needs: "build-${{ matrix.jdk }}"}
        """
    )
    assert {name: step.needs for name, step in found.items()} == {
        "build-11": (),
        "build-17": (),
        "test-11": ("build-11",),
        "test-17": ("build-17",),
    }


def test_include_and_exclude() -> None:
    found = steps(
        """
        - name: t
          run: echo ${{ matrix.a }}
          env: {EXTRA: "${{ matrix.more }}"}
          matrix:
            a: [1, 2]
            b: [x, y]
            exclude: [{a: 2, b: y}]
            include: [{a: 1, more: m}, {a: 2, more: n}, {a: 3, b: z, more: o}]
        """
    )
    assert {name: step.env["EXTRA"] for name, step in found.items()} == {
        "t-1-x-m": "m",
        "t-1-y-m": "m",
        "t-2-x-n": "n",
        "t-3-z-o": "o",
    }


def test_in_a_script_a_value_is_a_variable_and_a_typed_value_keeps_its_type() -> None:
    found = steps(
        """
        - name: t
          run: echo ${{ matrix.v }}
          timeout: ${{ matrix.minutes }}m
          allow_failure: ${{ matrix.new }}
          when: matrix.new == true
          matrix: {include: [{v: "$(x)", minutes: 5, new: true}]}
        """
    )
    step = found["t-x-5-true"]
    assert step.options == RunOptions(script='echo "${MATRIX_V}"')
    assert step.env == {"MATRIX_V": "$(x)"}
    assert step.timeout == 300
    assert step.allow_failure


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- {run: x, matrix: {a: []}}", "a: expected 1 or more entries"),
        ("- {run: x, matrix: {a: [{b: c}]}}", "a: expected text"),
        ("- {run: x, matrix: {a: [1], exclude: [{b: 1}]}}", "unknown matrix name 'b' (known: a)"),
        ("- {run: x, matrix: {a: [1], exclude: [{a: 2}]}}", "no combination has these values"),
        ("- {run: x, matrix: {a: [1], exclude: [{a: 1}]}}", "no combination is left"),
        ("- {run: x, matrix: {}}", "no combination is left"),
        ("- {run: 'echo ${{ matrix.b }}', matrix: {a: [1]}}", "unknown name 'matrix.b'"),
        ("- {run: 'echo ${{ matrix.b }}'}", "unknown name 'matrix.b': the step has no matrix"),
        ("- {run: x, matrix: {a: ['${{ params.x }}']}}", "must not be a reference"),
        (
            f"- {{run: x, matrix: {{a: {list(range(20))}, b: {list(range(20))}}}}}",
            "more than 256 combinations",
        ),
        ("- {run: x, matrix: {a: [X, x]}}", "duplicate step 'run-x'"),
    ],
)
def test_what_is_wrong_with_a_matrix(text: str, expected: str) -> None:
    found = step_findings(text)
    assert len(found) == 1, found
    assert expected in found[0]


def test_a_condition_over_the_matrix_survives_the_plan() -> None:
    pipeline = read(f"{HEAD}steps: [{{run: x, matrix: {{j: [1, 2]}}, when: matrix.j == '2'}}]\n")
    assert read_plan(write_plan(pipeline), KINDS).steps == pipeline.steps

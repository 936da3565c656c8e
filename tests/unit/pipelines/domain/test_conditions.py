from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from common.states import State
from pipelines.domain.conditions import StepFacts, all_but_later, all_needs, reason_to_skip
from pipelines.domain.errors import BadValue
from pipelines.domain.expressions import Reference
from pipelines.domain.pipeline import Pipeline, Source, Step
from pipelines.language.expressions.parser import parse_when
from pipelines.steps.run import RUN, RunOptions


def step(name: str, *needs: str, **more: Any) -> Step:
    return Step(name=name, kind=RUN, options=RunOptions(script="x"), needs=needs, **more)


def pipeline(*steps: Step) -> Pipeline:
    return Pipeline(name="p", description="d", source=Source(repository="r"), steps=steps)


DIAMOND = pipeline(
    step("top"),
    step("left", "top"),
    step("right", "top"),
    step("bottom", "left", "right"),
    step("last", "bottom", when=parse_when("always")),
)


def named(name: str) -> Step:
    return next(s for s in DIAMOND.steps if s.name == name)


def reason(name: str, states: dict[str, str], **more: Any) -> str | None:
    """Why the step of the diamond is left out; `more` changes the step."""
    step = replace(named(name), **more)
    steps = tuple(step if s.name == name else s for s in DIAMOND.steps)
    return reason_to_skip(facts(replace(DIAMOND, steps=steps), step, states))


def facts(pipeline: Pipeline, step: Step, states: dict[str, str]) -> StepFacts:
    values = {"params.deploy": True, "job.branch": "dev", "params.level": 3}

    def lookup(name: Reference) -> Any:
        if str(name) not in values:
            raise BadValue("no value")
        return values[str(name)]

    return StepFacts(
        pipeline=pipeline,
        step=step,
        states={name: State(word) for name, word in states.items()},
        lookup=lookup,
        is_changed=lambda patterns: "docs/**" in patterns,
    )


@pytest.mark.parametrize("state", ["failed", "timed_out", "cancelled"])
def test_a_failure_hinders_what_needs_it_also_through_others(state: str) -> None:
    states = {"top": "succeeded", "left": state, "right": "succeeded"}
    assert reason("bottom", states) == "step left did not succeed"
    states["bottom"] = "skipped"
    assert reason("last", states) is None


def test_the_nearest_failure_is_named() -> None:
    states = {"top": "failed", "left": "skipped", "right": "failed"}
    assert reason("bottom", states) == "step right did not succeed"


@pytest.mark.parametrize("state", ["succeeded", "up_to_date", "skipped"])
def test_other_ends_hinder_nobody(state: str) -> None:
    states = {"top": state, "left": state, "right": state}
    assert reason("bottom", states) is None
    assert reason("bottom", states, when=parse_when("failure")) == "no earlier step failed"


def test_a_failure_that_is_allowed_hinders_nobody() -> None:
    allowed = replace(named("left"), allow_failure=True)
    steps = tuple(allowed if s.name == "left" else s for s in DIAMOND.steps)
    pipeline = replace(DIAMOND, steps=steps)
    states = {"top": "succeeded", "left": "failed", "right": "succeeded"}
    assert reason_to_skip(facts(pipeline, named("bottom"), states)) is None


@pytest.mark.parametrize(
    ("when", "left", "why"),
    [
        ("failure", "failed", None),
        ("failure", "succeeded", "no earlier step failed"),
        ("always", "failed", None),
        ("params.deploy", "succeeded", None),
        ("params.deploy", "failed", "step left did not succeed"),
        ("failure and params.deploy", "failed", None),
        ("changed('docs/**')", "succeeded", None),
        (
            "changed('src/**')",
            "succeeded",
            "its condition is false: changed('src/**')",
        ),
        (
            "job.branch == 'main' and params.level == 3",
            "succeeded",
            "its condition is false: job.branch == 'main' and params.level == 3"
            " (job.branch is 'dev', params.level is '3')",
        ),
        (
            "steps.top.outputs.x == 'y'",
            "succeeded",
            "its condition is false: steps.top.outputs.x == 'y' (steps.top.outputs.x is '')",
        ),
    ],
)
def test_conditions(when: str, left: str, why: str | None) -> None:
    states = {"top": "succeeded", "left": left, "right": "succeeded"}
    assert reason("bottom", states, when=parse_when(when)) == why


def test_needs_of_needs() -> None:
    assert all_needs(DIAMOND, named("bottom")) == ("left", "right", "top")
    assert all_needs(DIAMOND, named("top")) == ()


def test_all_but_later() -> None:
    assert all_but_later(DIAMOND, named("left")) == ("top", "right")
    assert set(all_but_later(DIAMOND, named("last"))) == {"top", "left", "right", "bottom"}

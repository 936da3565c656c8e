from __future__ import annotations

from typing import Any

import pytest

from pipelines.conditions import all_but_later, all_needs, reason_to_skip
from pipelines.language.expression_parser import parse_when
from pipelines.model import Pipeline, Source, Step
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


@pytest.mark.parametrize("state", ["failed", "timed_out", "cancelled"])
def test_a_failure_hinders_what_needs_it_also_through_others(state: str) -> None:
    states = {"top": "succeeded", "left": state, "right": "succeeded"}
    assert reason_to_skip(DIAMOND, named("bottom"), states) == "step left did not succeed"
    states["bottom"] = "skipped"
    assert reason_to_skip(DIAMOND, named("last"), states) is None


def test_the_nearest_failure_is_named() -> None:
    states = {"top": "failed", "left": "skipped", "right": "failed"}
    assert reason_to_skip(DIAMOND, named("bottom"), states) == "step right did not succeed"


@pytest.mark.parametrize("state", ["succeeded", "up_to_date", "skipped"])
def test_other_ends_hinder_nobody(state: str) -> None:
    states = {"top": state, "left": state, "right": state}
    assert reason_to_skip(DIAMOND, named("bottom"), states) is None


def test_needs_of_needs() -> None:
    assert all_needs(DIAMOND, named("bottom")) == ("left", "right", "top")
    assert all_needs(DIAMOND, named("top")) == ()


def test_all_but_later() -> None:
    assert all_but_later(DIAMOND, named("left")) == ("top", "right")
    assert set(all_but_later(DIAMOND, named("last"))) == {"top", "left", "right", "bottom"}

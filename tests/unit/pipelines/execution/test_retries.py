from __future__ import annotations

import pytest

from pipelines.domain.errors import FailureCode, StepCancelled, StepFailed
from pipelines.domain.pipeline import Retries
from pipelines.execution.retries import MAX_WAIT, StepRetries


class Scene:
    """A step that fails with these codes, one a try, and then succeeds."""

    def __init__(
        self, *codes: FailureCode, retries: Retries, deadline: float | None = None
    ) -> None:
        self.now = 0.0
        self.finds_the_same = True
        self.codes = list(codes)
        self.waits: list[float] = []
        self.told: list[str] = []
        self.retries = StepRetries(
            retries=retries,
            wait=self.wait,
            may_repeat=lambda: self.finds_the_same,
            tell=self.told.append,
            monotonic=lambda: self.now,
            deadline=deadline,
        )

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def attempt(self) -> str:
        self.now += 1
        if self.codes:
            raise StepFailed(self.codes.pop(0), "no luck")
        return "done"


NETWORK, TESTS = FailureCode.NETWORK, FailureCode.MAVEN_TEST


def test_it_succeeds_at_the_third_try_after_growing_waits() -> None:
    scene = Scene(NETWORK, TESTS, retries=Retries(count=3, backoff=5.0))
    assert scene.retries.run(scene.attempt) == "done"
    assert scene.waits == [5.0, 10.0]
    assert [(t["code"], t["reason"], t["duration_seconds"]) for t in scene.retries.failed] == [
        ("NETWORK", "no luck", 1.0),
        ("MAVEN_TEST", "no luck", 1.0),
    ]
    assert scene.told[:2] == ["try 1 failed: no luck; next try in 5 s", "try 2 of 4"]


def test_the_last_failure_is_the_steps() -> None:
    scene = Scene(NETWORK, NETWORK, TESTS, retries=Retries(count=2, backoff=1.0))
    with pytest.raises(StepFailed) as error:
        scene.retries.run(scene.attempt)
    assert error.value.code is TESTS
    assert len(scene.retries.failed) == 2


def test_only_the_codes_that_are_named_are_tried_again() -> None:
    scene = Scene(NETWORK, TESTS, retries=Retries(count=5, backoff=1.0, on=(NETWORK,)))
    with pytest.raises(StepFailed) as error:
        scene.retries.run(scene.attempt)
    assert error.value.code is TESTS
    assert scene.waits == [1.0]


def test_no_retries() -> None:
    scene = Scene(NETWORK, retries=Retries())
    with pytest.raises(StepFailed):
        scene.retries.run(scene.attempt)
    assert scene.waits == []


def test_no_try_begins_after_the_deadline() -> None:
    scene = Scene(*[NETWORK] * 9, retries=Retries(count=9, backoff=4.0), deadline=10.0)
    with pytest.raises(StepFailed):
        scene.retries.run(scene.attempt)
    assert scene.waits == [4.0]


def test_waits_do_not_grow_without_end() -> None:
    scene = Scene(*[NETWORK] * 10, retries=Retries(count=20, backoff=60.0))
    scene.retries.run(scene.attempt)
    assert scene.waits[-1] == MAX_WAIT


def test_a_cancellation_is_not_tried_again() -> None:
    scene = Scene(retries=Retries(count=3))

    def cancelled() -> str:
        raise StepCancelled("ended by SIGTERM")

    with pytest.raises(StepCancelled):
        scene.retries.run(cancelled)
    assert scene.waits == []


def test_what_would_find_another_source_is_not_tried_again() -> None:
    scene = Scene(NETWORK, retries=Retries(count=3, backoff=5.0))
    scene.finds_the_same = False
    with pytest.raises(StepFailed, match="no luck"):
        scene.retries.run(scene.attempt)
    assert scene.waits == []
    assert scene.told == [
        "not retried: its changes in the source tree cannot be separated from those of other steps"
    ]

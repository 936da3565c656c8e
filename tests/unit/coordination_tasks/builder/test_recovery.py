"""What a killed build left behind: its job goes on, or fails, and never stays where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from common.states import State
from coordination_tasks.builder.claim_intent import ClaimIntent
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.builder.recovery import recover
from coordination_tasks.domain.errors import (
    CoordinationError,
    SecretFound,
    Unavailable,
    WriteRefused,
)
from coordination_tasks.domain.model import Attempt
from coordination_tasks.farm.watch import Watch
from coordination_tasks.repository.memory import MemoryRepository
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.plans import Plan, RecordedPlan
from tests.support.coordination.world import World, began, job, memory_world

REFUSED = WriteRefused("not this one")
KILLED = "doit build was killed on this builder"
PLAN = Plan(data=b'{"pipeline": "sample"}')


class Left:
    """A job, the claim of a build that was killed while it ran the step `one`."""

    def __init__(self, world: World, outbox: Outbox, intent: ClaimIntent) -> None:
        self.world, self.outbox, self.intent = world, outbox, intent
        self.store = world.store()

    def leave(self, max_attempts: int = 3) -> Attempt:
        self.store.enqueue(job(max_attempts=max_attempts))
        self.intent.write("c1")
        attempt = self.store.claim(claim_id="c1", pipelines={"sample": ()})
        self.store.record(
            attempt, [replace(began(attempt, "one"), details=PLAN.details)], PLAN.data
        )
        return attempt

    def recover(
        self, ended: Callable[[Attempt, RecordedPlan], Mapping[str, str]] | None = None
    ) -> Any:
        return recover(
            self.store,
            self.outbox,
            self.intent,
            builder="build1",
            ended=ended or (lambda _attempt, _plan: {}),
            clock=self.world.clock,
        )

    def end_of_step(self) -> tuple[State, str]:
        [*_, last] = [t for t in self.store.transitions("job_1", 1) if t.step == "one"]
        return last.to_state, last.reason or ""


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Left]:
    with Outbox(tmp_path / "outbox.sqlite") as outbox:
        yield Left(memory_world(), outbox, ClaimIntent(tmp_path / "claim"))


def test_the_job_is_queued_again(left: Left) -> None:
    left.leave()
    assert left.recover() == "job job_1 of a killed build was queued again"
    assert left.store.job("job_1").state is State.QUEUED
    assert left.end_of_step() == (State.CANCELLED, KILLED)
    assert left.recover() is None


def test_a_job_that_kills_its_builder_each_time_fails_in_the_end(left: Left) -> None:
    left.leave(max_attempts=1)
    why = f"{KILLED}; attempt 1 of 1 was the last"
    assert left.recover() == f"job job_1 of a killed build failed: {why}"
    failed = left.store.job("job_1")
    assert (failed.state, failed.reason) == (State.FAILED, why)
    assert left.end_of_step() == (State.CANCELLED, KILLED)
    assert left.intent.read() is None


def test_what_can_not_be_told_of_the_steps_does_not_keep_the_job(left: Left) -> None:
    def ended(_attempt: Attempt, _plan: RecordedPlan) -> Mapping[str, str]:
        raise IsADirectoryError(21, "Is a directory", "output")

    left.leave()
    assert left.recover(ended) == "job job_1 of a killed build was queued again"
    assert left.end_of_step() == (
        State.CANCELLED,
        f"{KILLED}; cannot determine which steps succeeded: Is a directory: output",
    )


def refuse_pushes_that_tell(
    text: str, monkeypatch: pytest.MonkeyPatch, why: CoordinationError = REFUSED
) -> None:
    push = cast(Callable[..., object], MemoryRepository.push_if_unchanged)

    def refuse(self: MemoryRepository, *given: object, **more: object) -> object:
        if text in str(given[2]):
            raise why
        return push(self, *given, **more)

    monkeypatch.setattr(MemoryRepository, "push_if_unchanged", refuse)


def test_an_end_that_was_refused_is_the_reason(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = left.leave()
    with monkeypatch.context() as context:
        refuse_pushes_that_tell("succeeded", context)
        left.outbox.submit_transitions(attempt, [began(attempt, "two")])
        left.outbox.submit_completion(attempt, Completion(state=State.SUCCEEDED))
        left.outbox.flush(left.store)
    assert left.recover() == "job job_1 of a killed build was queued again"
    assert left.store.job("job_1").reason == "the store refused its result: not this one"


@pytest.mark.parametrize("why", [REFUSED, SecretFound("not this one")])
def test_the_claim_is_kept_while_the_store_does_not_take_the_job_back(
    left: Left, monkeypatch: pytest.MonkeyPatch, why: CoordinationError
) -> None:
    """The one waits to be sent, the other is refused for good."""
    left.leave()
    with monkeypatch.context() as context:
        refuse_pushes_that_tell("released", context, why)
        with pytest.raises(CoordinationError, match="not this one"):
            left.recover()
    assert left.intent.read() == "c1"
    left.recover()
    assert left.intent.read() is None
    assert left.store.job("job_1").state is State.QUEUED


def test_a_watch_tells_what_hinders_it_and_goes_on() -> None:
    told: list[str] = []
    did: list[str] = []

    def unreadable() -> str:
        raise PermissionError(13, "Permission denied", "claim")

    def act(name: str, error: Exception | None = None) -> Callable[..., None]:
        def do(*_: object) -> None:
            did.append(name)
            if error:
                raise error

        return do

    watch = Watch(
        builder="build1",
        store=cast(Any, None),
        outbox=cast(Any, SimpleNamespace(pending=tuple)),
        intent=cast(Any, SimpleNamespace(read=unreadable)),
        observer=cast(Any, SimpleNamespace(look=act("look", Unavailable("x")), jobs_wait=False)),
        beater=cast(Any, SimpleNamespace(beat_if_due=act("beat", KeyError("y")))),
        send_logs=act("logs"),
        housekeeping=cast(Any, SimpleNamespace(run_due=act("keep"))),
        also=(),
        end=lambda: None,
        heartbeat=cast(Any, SimpleNamespace(idle=1.0)),
        while_idle=lambda: nullcontext(True),
        sweep=act("sweep"),
        ended=lambda _attempt, _plan: {},
        clock=memory_world().clock,
        notice=told.append,
    )
    watch.run_due()
    watch.run_due()
    assert did == ["look", "beat", "logs", "keep"] * 2
    assert told == ["warning: Permission denied: claim; x; bug: KeyError('y')"]


def test_a_plan_must_be_there_to_tell_of_steps(left: Left) -> None:
    """A build that is killed before its first record has run nothing."""
    left.store.enqueue(job())
    left.intent.write("c1")
    left.store.claim(claim_id="c1", pipelines={"sample": ()})

    def ended(_attempt: Attempt, _plan: RecordedPlan) -> Mapping[str, str]:
        raise CoordinationError("nobody was to ask")

    assert left.recover(ended) == "job job_1 of a killed build was queued again"
    assert left.store.job("job_1").reason == KILLED

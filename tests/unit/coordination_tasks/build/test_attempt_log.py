"""How an attempt ends: never well unless each of its steps did, and was kept safe."""

from __future__ import annotations

import io
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest

from common.states import State
from coordination_tasks.build.attempt.attempt_end import (
    AttemptEnd,
    BrokeOff,
    Lost,
    Refused,
    Released,
)
from coordination_tasks.build.attempt.attempt_log import AttemptLog
from coordination_tasks.build.attempt.claim_action import ClaimAction
from coordination_tasks.build.attempt.claiming import Claimer
from coordination_tasks.build.attempt.running_attempt import RunningAttempt
from coordination_tasks.build.display.display import PlainDisplay
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.domain.attempt_result import Failed, Succeeded
from coordination_tasks.domain.errors import ClaimLost, CoordinationError, DiskFull, WriteRefused
from coordination_tasks.domain.model import Attempt, Job, Transition
from coordination_tasks.repository.memory import MemoryRepository
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.store import Store
from tests.support.coordination.world import World, claim, control, job, memory_world

FULL = DiskFull("no space is left on the disk for the journal")
BROKE_OFF = "the run was aborted: no space is left on the disk for the journal"


class FragileOutbox(Outbox):
    """A journal that refuses, once, what `refuses` names: a step with its state, or `end`."""

    refuses = ""

    def submit_transitions(
        self, attempt: Attempt, transitions: Sequence[Transition], plan: bytes | None = None
    ) -> str:
        for each in transitions:
            self._refuse(f"{each.step} {each.to_state}")
        return super().submit_transitions(attempt, transitions, plan)

    def submit_completion(self, attempt: Attempt, completion: Completion) -> str:
        self._refuse("end")
        return super().submit_completion(attempt, completion)

    def _refuse(self, what: str) -> None:
        if self.refuses == what:
            self.refuses = ""
            raise FULL


class _Claims:
    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._folder = store, folder

    def claim(self) -> RunningAttempt:
        display = PlainDisplay(io.StringIO(), verbose=False)
        claimed = claim(self._store)
        return RunningAttempt(
            claimed=claimed, state_dir=self._folder, env={}, declared_env={}, display=display
        )


class Build:
    """One attempt at a job, in this process."""

    def __init__(self, folder: Path, world: World, outbox: FragileOutbox) -> None:
        self.folder, self.world, self.outbox = folder, world, outbox
        self.store = world.store()
        self.told: list[str] = []
        self.action = ClaimAction(self.told.append)

    def claim(self, max_attempts: int = 3) -> None:
        self.store.enqueue(job(max_attempts=max_attempts))
        claims = cast(Claimer, _Claims(self.store, self.folder))
        self.action.arm(claims, self.store, self.outbox)
        assert self.action.claim()

    @property
    def log(self) -> AttemptLog:
        return self.action.log()

    def run(self, step: str, state: State = State.SUCCEEDED) -> None:
        self.log.step_began(step, "it never ran")
        self.log.step_ended(step, state, "as the test wants it")

    def end(self, *unfinished: str) -> Job:
        self.log.finish(unfinished)
        self.log.send_end()
        return self.store.job("job_1")

    def steps(self) -> dict[str | None, State]:
        recorded = self.store.transitions("job_1", 1)
        return {t.step: t.to_state for t in recorded if t.step is not None}


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    outbox = FragileOutbox(tmp_path / "outbox.sqlite")
    with outbox:
        yield Build(tmp_path, memory_world(), outbox)


def test_each_step_ended_well(build: Build) -> None:
    build.claim()
    build.run("one")
    build.log.step_ended("two", State.SKIPPED, "its condition is false")
    ended = build.end()
    assert (ended.state, ended.reason) == (State.SUCCEEDED, "all steps succeeded")


def test_a_run_that_broke_off_is_queued_again(build: Build) -> None:
    """A step ran well, the next one could not be recorded, and then there was room again."""
    build.claim()
    build.run("one")
    build.outbox.refuses = "two running"
    with pytest.raises(DiskFull):
        build.log.step_began("two", "it never ran")
    build.log.stop.break_off(FULL)
    ended = build.end("two", "three")
    assert (ended.state, ended.reason) == (State.QUEUED, BROKE_OFF)
    assert build.told == [BROKE_OFF]
    assert build.log.end() == BrokeOff(FULL)
    assert build.steps() == {
        "one": State.SUCCEEDED, "two": State.SKIPPED, "three": State.SKIPPED,
    }  # fmt: skip


def test_after_its_last_attempt_it_has_failed(build: Build) -> None:
    build.claim(max_attempts=1)
    build.log.stop.break_off(FULL)
    ended = build.end("one")
    assert ended.state is State.FAILED
    assert ended.reason == f"{BROKE_OFF}; attempt 1 of 1 was the last"


def test_a_step_that_failed_before_decides(build: Build) -> None:
    build.claim()
    build.run("one", State.FAILED)
    build.log.stop.break_off(FULL)
    ended = build.end("two")
    assert (ended.state, ended.reason) == (State.FAILED, "step one: as the test wants it")


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED])
def test_an_end_that_was_not_kept_has_not_happened(build: Build, state: State) -> None:
    build.claim()
    build.log.step_began("one", "it never ran")
    build.outbox.refuses = f"one {state}"
    with pytest.raises(DiskFull):
        build.log.step_ended("one", state, "done")
    assert build.log.step_states() == {"one": State.RUNNING}
    build.log.stop.break_off(FULL)
    assert build.end("one").state is State.QUEUED
    assert build.steps() == {"one": State.CANCELLED}


def test_a_result_that_was_not_kept_is_not_published_without_its_files(build: Build) -> None:
    build.claim()
    build.run("one")
    build.log.step_began("publish", "always")
    build.outbox.refuses = "end"
    with pytest.raises(DiskFull):
        build.log.publish("publish", None)
    build.log.step_ended("publish", State.FAILED, str(FULL))
    assert build.end().state is State.FAILED


def test_steps_without_an_end_are_no_success_though_nothing_was_told(build: Build) -> None:
    build.claim()
    ended = build.end("one")
    assert ended.state is State.QUEUED
    assert ended.reason == "the run was aborted: unknown result of one"


def test_a_step_that_still_runs_is_no_success(build: Build) -> None:
    build.claim()
    build.log.step_began("one", "it never ran")
    build.log.step_began("publish", "always")
    text = build.log.publish("publish", None)
    assert text.startswith("job failed")
    ended = build.end()
    assert (ended.state, ended.reason) == (State.FAILED, "step one is running: it never ran")


@pytest.mark.parametrize("by_publish", [True, False])
def test_an_end_that_the_repository_refuses_is_remembered(
    build: Build, monkeypatch: pytest.MonkeyPatch, by_publish: bool
) -> None:
    """It takes all else, like a hook that minds the manifest."""
    build.claim()
    build.run("one")
    push = MemoryRepository.push_if_unchanged

    def refuse(self: MemoryRepository, *given: object, **more: object) -> object:
        if "job_1 attempt 1: succeeded" in str(given[2]):
            raise WriteRefused("not this one")
        return cast(Callable[..., object], push)(self, *given, **more)

    monkeypatch.setattr(MemoryRepository, "push_if_unchanged", refuse)
    if by_publish:
        build.log.step_began("publish", "always")
        assert build.log.publish("publish", None).endswith("not published: not this one")
    build.log.finish(())
    build.log.send_end()
    end = build.log.end()
    assert isinstance(end, Refused)
    assert (end.end.state, str(end.error)) == (State.SUCCEEDED, "not this one")
    assert build.store.job("job_1").state is State.RUNNING


@pytest.mark.parametrize("error", [OSError("no disk"), KeyError("x"), CoordinationError("y")])
def test_whatever_hinders_a_claim_is_kept_to_be_told(build: Build, error: Exception) -> None:
    class Hindered:
        def claim(self) -> RunningAttempt:
            raise error

    build.action.arm(cast(Claimer, Hindered()), build.store, build.outbox)
    assert not build.action.claim()
    assert build.action.error is error


def _signal(build: Build) -> None:
    build.log.stop.end_by_signal(signal.SIGTERM)


def _break_off(build: Build) -> None:
    build.log.stop.break_off(FULL)


SUCCEEDED = Succeeded("all steps succeeded")
FAILED = Failed(State.FAILED, "step one: as the test wants it")
RELEASED = Released(signal.SIGTERM)


@pytest.mark.parametrize(
    ("step", "events", "expected"),
    [
        (State.SUCCEEDED, [], SUCCEEDED),
        (State.FAILED, [], FAILED),
        (State.SUCCEEDED, [_signal], RELEASED),
        (State.FAILED, [_signal], RELEASED),
        (State.SUCCEEDED, [_break_off], BrokeOff(FULL)),
        (State.FAILED, [_break_off], BrokeOff(FULL, FAILED)),
        (State.SUCCEEDED, [_break_off, _signal], BrokeOff(FULL, RELEASED)),
    ],
)
def test_how_an_attempt_ended_after_all_that_happened(
    build: Build, step: State, events: list[Callable[[Build], None]], expected: AttemptEnd
) -> None:
    build.claim()
    build.run("one", step)
    for event in events:
        event(build)
    build.end()
    assert build.log.end() == expected


@pytest.mark.parametrize("before", [[], [_signal], [_break_off, _signal]])
def test_a_lost_claim_outweighs_all_else(
    build: Build, before: list[Callable[[Build], None]]
) -> None:
    build.claim()
    build.run("one")
    for event in before:
        event(build)
    control(build.store).cancel(["job_1"], "obsolete")
    with pytest.raises(ClaimLost) as lost:
        build.log.flush()
    assert build.end("one", "two").state is State.CANCELLED
    assert build.log.end() == Lost(lost.value)
    assert build.outbox.pending() == ()


def test_what_comes_after_the_end_is_published_does_not_change_it(build: Build) -> None:
    build.claim()
    build.run("one")
    build.log.step_began("publish", "always")
    build.log.publish("publish", None)
    _signal(build)
    assert build.end().state is State.SUCCEEDED
    assert build.log.end() == SUCCEEDED


def test_the_farm_sees_what_a_step_counts_and_no_text_of_a_tool(tmp_path: Path) -> None:
    store = memory_world().store()
    store.enqueue(job())
    running = _Claims(store, tmp_path).claim()
    running.show_progress("maven", "downloading s3cret")
    assert running.counts == {}
    running.show_progress("maven", "module 3 of 139: s3cret")
    running.show_progress("maven", "3 downloads")
    assert running.counts == {"maven": "module 3 of 139"}

"""One run of `doit build`: the claim, what happens to each step, and the end of the attempt.

Each fact goes into the outbox before anybody relies on it; pushing is the lease keeper's work and
the last act of the run. The steps look the attempt up here when they run.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from coordination_tasks.claiming import Claimer
from coordination_tasks.clock import utc_now
from coordination_tasks.errors import (
    BadRequest,
    ClaimLost,
    CoordinationError,
    EndedWhileClaiming,
    Unavailable,
)
from coordination_tasks.model import State, Transition
from coordination_tasks.outbox import Outbox
from coordination_tasks.plans import Plan
from coordination_tasks.running_attempt import RunningAttempt
from coordination_tasks.state_machine import FINAL_STEP_STATES
from coordination_tasks.store import Store
from coordination_tasks.writes import Completion

_SHORT_SLEEP = 0.1  # a signal does not end a longer one
_FAILURES = (State.FAILED, State.TIMED_OUT)


class Session:
    """What one process of `doit build` knows and did. Safe for steps that run at once.

    `on_end` is called with the reason when the running steps have to end.
    """

    def __init__(
        self,
        on_end: Callable[[str], None],
        *,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._new_id = new_id
        self._lock = threading.RLock()
        self._running: RunningAttempt | None = None
        self._outbox: Outbox | None = None
        self._store: Store | None = None
        self._steps: dict[str, State] = {}
        self._began: dict[str, float] = {}
        self._reasons: dict[str, str] = {}
        self._claimed_at = 0.0
        self._claimer: Claimer | None = None
        self._plan: Plan | None = None
        self._unbuildable: str | None = None
        self._allowed: dict[str, None] = {}
        self._left_out: list[str] = []
        self._failures: dict[str, Mapping[str, Any]] = {}
        self._on_end = on_end
        self.signal: int | None = None
        """Number of the signal that told the build to end."""
        self.given_back = False
        """Whether the attempt ended because of that; a signal can come after its last step."""
        self.lost: ClaimLost | None = None
        """Set when the claim is another's now."""
        self.claim_error: CoordinationError | None = None
        """What hindered the claim."""
        self.published = False
        """Whether the end of the attempt is in the outbox."""
        self.artifacts_at: str | None = None
        """The folder that holds what the published manifest lists."""

    def arm(self, claimer: Claimer, store: Store, outbox: Outbox) -> None:
        """Give the session what `claim` needs."""
        self._claimer, self._store, self._outbox = claimer, store, outbox

    def claim(self) -> bool:
        """Claim a job; the action of the task `claim-job`. False leaves `claim_error`."""
        if self._claimer is None:
            self.claim_error = BadRequest("a job is claimed by `doit build` only")
            return False
        try:
            self._running = self._claimer.claim()
        except CoordinationError as error:
            self.claim_error = error
            return False
        self._claimed_at = self._monotonic()
        return True

    def forget_claim(self) -> None:
        """The end of the attempt is published: nothing is left for a successor to give back."""
        if self._claimer:
            self._claimer.intent.clear()

    def end_by_signal(self, number: int) -> None:
        """End the running steps; any thread may call this."""
        self.signal = number
        self._on_end(_ended_by(number))

    def sleep(self, seconds: float) -> None:
        """Wait for others. Raises EndedWhileClaiming when a signal comes before there is a job."""
        end = self._monotonic() + seconds
        while (rest := end - self._monotonic()) > 0:
            if self.signal is not None and self._running is None:
                raise EndedWhileClaiming(f"{self.cancelled} while it was claiming")
            time.sleep(min(rest, _SHORT_SLEEP))

    def lose(self, error: ClaimLost) -> None:
        """Another has the job now: end the running steps and write nothing more for it."""
        self.lost = error
        self._on_end(str(error))

    def made_with(self, running: RunningAttempt, plan: Plan) -> None:
        """The attempt is made with this plan: recorded together with its first step."""
        self._running, self._plan = running, plan
        if self._outbox:
            self._outbox.hide(running.secrets.values())

    def fail(self, reason: str) -> None:
        """The attempt fails before its first step."""
        self._unbuildable = reason

    def break_off(self, reason: str) -> None:
        """End the running steps, because this run can't go on."""
        self._on_end(reason)

    @property
    def cancelled(self) -> str | None:
        """Why the build was told to end, or None."""
        return None if self.signal is None else _ended_by(self.signal)

    @property
    def reason_to_end(self) -> str | None:
        """Why no further step may start, or None."""
        return self.cancelled or (str(self.lost) if self.lost else None)

    def attempt(self) -> RunningAttempt:
        """The attempt that this process makes. Raises BadRequest when there is none."""
        if self._running is None:
            raise BadRequest("no job is claimed: steps run inside `doit build` only")
        return self._running

    def current(self) -> RunningAttempt | None:
        """The attempt that this process makes, or None."""
        return self._running

    def step_began(self, step: str, reason: str) -> None:
        """The step runs from now on."""
        with self._lock:
            self._began[step] = self._monotonic()
            self._submit([self._transition(step, State.RUNNING, reason)])

    def step_ended(
        self,
        step: str,
        state: State,
        reason: str,
        *,
        log: str | None = None,
        details: Mapping[str, Any] | None = None,
        allowed: bool = False,
    ) -> None:
        """The step came to its end; a second end of the same step is not recorded.

        `allowed`: the job may succeed all the same, if the step failed.
        """
        with self._lock:
            if self.ended(step):
                return
            if state in _FAILURES:
                self._failures[step] = {**(details or {}), "log": log}
                if allowed:
                    self._allowed[step] = None
            self._submit([self._transition(step, state, reason, log=log, details=details)])

    def leave_out(self, step: str) -> None:
        """The step would have to run, but only another one was asked for."""
        with self._lock:
            self._left_out.append(step)

    def ended(self, step: str) -> bool:
        """Whether the step has its end in this attempt."""
        return self.state(step) in FINAL_STEP_STATES

    def ended_steps(self) -> int:
        """How many steps have their end in this attempt."""
        with self._lock:
            return sum(state in FINAL_STEP_STATES for state in self._steps.values())

    def running_steps(self) -> tuple[str, ...]:
        """Names of the steps that run now."""
        with self._lock:
            return tuple(step for step, state in self._steps.items() if state is State.RUNNING)

    def failure_lines(self) -> tuple[str, ...]:
        """For people: what the tools said of each failure, and where the logs are."""
        return tuple(
            line
            for details in self._failures.values()
            for line in (*str(details.get("excerpt", "")).splitlines(), f"log: {details['log']}")
        )

    def duration(self, step: str) -> float | None:
        """Seconds since the step began; None when it never ran."""
        began = self._began.get(step)
        return None if began is None else self._monotonic() - began

    def state(self, step: str) -> State:
        """State of a step in this attempt."""
        return self._steps.get(step, State.QUEUED)

    def step_states(self) -> Mapping[str, State]:
        """States of the steps that began or ended so far in this attempt."""
        with self._lock:
            return dict(self._steps)

    def result(self) -> tuple[State, str]:
        """State and reason of the job, as the steps that ended so far make it."""
        with self._lock:
            if self._unbuildable is not None:
                return State.FAILED, self._unbuildable
            for state in _FAILURES:
                for step, ended in self._steps.items():
                    if ended is state and step not in self._allowed:
                        return state, f"step {step}: {self._reasons[step]}"
            if self._left_out:
                return State.FAILED, (
                    f"left out, as was asked for: {', '.join(self._left_out)};"
                    f" `doit rerun {self.attempt().job_id}` makes what is missing"
                )
            if self._allowed:
                return State.SUCCEEDED, f"failed, as is allowed: {', '.join(self._allowed)}"
            return State.SUCCEEDED, "all steps succeeded"

    def publish(self, step: str, manifest: bytes | None) -> str:
        """End the attempt in one write: job, status, manifest and the end of `step` itself."""
        with self._lock:
            state, reason = self.result()
            finished = manifest if state is State.SUCCEEDED else None
            names = _artifact_names(finished)
            self.artifacts_at = _artifacts_folder(finished)
            text = f"job {state}, {len(names)} artifact{'' if len(names) == 1 else 's'}"
            own_end = self._transition(step, State.SUCCEEDED, text)
            self._outbox_or_fail().submit_completion(
                self.attempt().claimed, self._completion(state, reason, finished, names, own_end)
            )
            self.published = True
        return f"{text}; {self._try_flush()}"

    def finish(self, unfinished: tuple[str, ...]) -> None:
        """End the attempt if nothing did: cancelled jobs are given back, others are completed.

        `unfinished` names the steps that have no end yet.
        """
        with self._lock:
            for step in unfinished:
                if self.state(step) is State.RUNNING:
                    self.step_ended(step, State.CANCELLED, self.cancelled or "the run broke off")
                else:
                    self.step_ended(step, State.SKIPPED, self.cancelled or "the run broke off")
            if not self.published and not self.lost:
                self._end_attempt()
                self.published = True

    def flush(self) -> bool:
        """Send what waits; whether something was sent.

        Raises ClaimLost when the attempt is no longer ours, Unavailable.
        """
        if self._store is None:
            return False
        report = self._outbox_or_fail().flush(self._store)
        for entry, error in report.refused:
            if isinstance(error, ClaimLost) and entry.job == self.attempt().job_id:
                self.lost = error
                raise error
            raise error
        return report.sent > 0

    def _end_attempt(self) -> None:
        claimed = self.attempt().claimed
        if self.cancelled:
            self._outbox_or_fail().submit_release(claimed, self.cancelled)
            self.given_back = True
            return
        state, reason = self.result()
        self._outbox_or_fail().submit_completion(claimed, self._completion(state, reason))

    def _completion(
        self,
        state: State,
        reason: str,
        manifest: bytes | None = None,
        artifacts: tuple[str, ...] = (),
        *transitions: Transition,
    ) -> Completion:
        return Completion(
            state=state,
            reason=reason,
            manifest=manifest,
            artifacts=artifacts,
            duration_seconds=round(self._monotonic() - self._claimed_at, 3),
            transitions=transitions,
        )

    def _try_flush(self) -> str:
        try:
            self.flush()
        except Unavailable as error:
            return f"not published yet: {error}"
        except CoordinationError as error:
            return f"not published: {error}"
        return "published"

    def _submit(self, transitions: list[Transition]) -> None:
        if self.lost:
            return  # nothing of this attempt counts any more
        claimed, plan = self.attempt().claimed, self._plan
        if plan is not None:
            first = replace(transitions[0], details={**transitions[0].details, **plan.details})
            transitions = [first, *transitions[1:]]
        data = plan.data if plan else None
        self._outbox_or_fail().submit_transitions(claimed, transitions, data)
        self._plan = None

    def _transition(
        self,
        step: str,
        state: State,
        reason: str,
        *,
        log: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> Transition:
        claimed = self.attempt().claimed
        duration = None if state is State.RUNNING else self.duration(step)
        before = self.state(step)
        self._steps[step] = state
        self._reasons[step] = reason
        return Transition(
            id=self._new_id(),
            job=claimed.job.id,
            attempt=claimed.number,
            token=claimed.token,
            builder=claimed.builder,
            step=step,
            from_state=before,
            to_state=state,
            at=self._clock(),
            reason=reason,
            duration_seconds=None if duration is None else round(duration, 3),
            log=log,
            details=details or {},
        )

    def _outbox_or_fail(self) -> Outbox:
        self.attempt()
        if self._outbox is None:
            raise BadRequest("no job is claimed")
        return self._outbox


def _ended_by(number: int) -> str:
    return f"ended by {signal.Signals(number).name}"


def _artifact_names(manifest: bytes | None) -> tuple[str, ...]:
    if manifest is None:
        return ()
    return tuple(artifact["name"] for artifact in json.loads(manifest)["artifacts"])


def _artifacts_folder(manifest: bytes | None) -> str | None:
    if manifest is None:
        return None
    document = json.loads(manifest)
    paths = [PurePosixPath(document["build_dir"], a["path"]) for a in document["artifacts"]]
    return os.path.commonpath([path.parent for path in paths]) if paths else None

"""One run of `doit build`: the claim, what happens to each step, and the end of the attempt.

Each fact goes into the outbox before anybody relies on it; pushing is the lease keeper's work and
the last act of the run. The steps look the attempt up here when they run.
"""

from __future__ import annotations

import signal
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from coordination_tasks.build.attempt.claiming import Claimer
from coordination_tasks.build.attempt.manifest_summary import artifact_names, artifacts_folder
from coordination_tasks.build.attempt.running_attempt import RunningAttempt
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.domain.attempt_result import StepLedger
from coordination_tasks.domain.errors import (
    BadRequest,
    ClaimLost,
    CoordinationError,
    EndedWhileClaiming,
    Unavailable,
    in_words,
)
from coordination_tasks.domain.model import State, Transition
from coordination_tasks.domain.state_machine import FINAL_STEP_STATES
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.store.operations.attempt import last_attempt
from coordination_tasks.store.plans import Plan
from coordination_tasks.store.store import Store
from coordination_tasks.store.writes import Completion, ends_claim

_SHORT_SLEEP = 0.1  # a signal does not end a longer one


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
        self._steps = StepLedger()
        self._began: dict[str, float] = {}
        self._result: tuple[State, str] | None = None
        self._claimed_at = 0.0
        self._claimer: Claimer | None = None
        self._plan: Plan | None = None
        self._unbuildable: str | None = None
        self._on_end = on_end
        self.signal: int | None = None
        """Number of the signal that told the build to end."""
        self.given_back = False
        """Whether the attempt ended because of that; a signal can come after its last step."""
        self.lost: ClaimLost | None = None
        """Set when the claim is another's now."""
        self.claim_error: Exception | None = None
        """What hindered the claim."""
        self.broke_off: BaseException | None = None
        """What ended the run before its steps came to their ends."""
        self.queued_again = False
        """Whether the attempt ended because of that, and the job waits for another one."""
        self.refused: CoordinationError | None = None
        """Why the coordination repository does not take the end of the attempt."""
        self.artifacts_at: str | None = None
        """The folder that holds what the published manifest lists."""

    def arm(self, claimer: Claimer, store: Store, outbox: Outbox) -> None:
        """Give the session what `claim` needs."""
        self._claimer, self._store, self._outbox = claimer, store, outbox

    def claim(self) -> bool:
        """Claim a job; the action of the task `claim-job`. False leaves `claim_error`."""
        if self._claimer is None:
            self.claim_error = BadRequest(
                "steps run for a job: `doit enqueue` queues one, `doit build` builds it"
            )
            return False
        try:
            self._running = self._claimer.claim()
        except Exception as error:  # doit would swallow it: raised again where it can be told
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

    def break_off(self, error: BaseException) -> None:
        """End the running steps, because this run can't go on."""
        self.broke_off = error
        self._on_end(_broken_by(error))

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
            self._submit(self._transition(step, State.RUNNING, reason))

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
            ended = self._transition(step, state, reason, log=log, details=details)
            self._submit(ended, allowed=allowed)

    def leave_out(self, step: str) -> None:
        """The step would have to run, but only another one was asked for."""
        with self._lock:
            self._steps.leave_out(step)

    def ended(self, step: str) -> bool:
        """Whether the step has its end in this attempt."""
        return self.state(step) in FINAL_STEP_STATES

    def ended_steps(self) -> int:
        """How many steps have their end in this attempt."""
        with self._lock:
            return self._steps.ended()

    def running_steps(self) -> tuple[str, ...]:
        """Names of the steps that run now."""
        with self._lock:
            return self._steps.running()

    def failure_lines(self) -> tuple[str, ...]:
        """For people: what the tools said of each failure, and where the logs are."""
        return self._steps.failure_lines()

    def duration(self, step: str) -> float | None:
        """Seconds since the step began; None when it never ran."""
        began = self._began.get(step)
        return None if began is None else self._monotonic() - began

    def state(self, step: str) -> State:
        """State of a step in this attempt."""
        return self._steps.state(step)

    def step_states(self) -> Mapping[str, State]:
        """States of the steps that began or ended so far in this attempt."""
        with self._lock:
            return self._steps.states()

    def result(self) -> tuple[State, str]:
        """State and reason of the job: as they were published, else as the steps make them."""
        with self._lock:
            return self._result or self._result_so_far()

    def publish(self, step: str, manifest: bytes | None) -> str:
        """End the attempt in one write: job, status, manifest and the end of `step` itself."""
        with self._lock:
            state, reason = self._result_so_far(but=step)
            finished = manifest if state is State.SUCCEEDED else None
            names = artifact_names(finished)
            text = f"job {state}, {len(names)} artifact{'' if len(names) == 1 else 's'}"
            own_end = self._transition(step, State.SUCCEEDED, text)
            self._complete(state, reason, finished, names, own_end)
            self._steps.note(own_end)
            self.artifacts_at = artifacts_folder(finished)
        return f"{text}; {self._try_flush()}"

    def finish(self, unfinished: tuple[str, ...]) -> None:
        """End the attempt if nothing did; `unfinished` names the steps that have no end yet.

        The job is queued again when the build was told to end, or when the run broke off and no
        step failed before: then for as many attempts as it may have. Else it is completed.
        """
        with self._lock:
            if unfinished and not self.broke_off and not self.reason_to_end:
                what = f"no end is known of {', '.join(unfinished)}"
                self.broke_off = CoordinationError(what)
            for step in unfinished:
                runs = self.state(step) is State.RUNNING
                reason = self.cancelled or _broken_by(self.broke_off)
                self.step_ended(step, State.CANCELLED if runs else State.SKIPPED, reason)
            if self._result is None and not self.lost:
                self._end_attempt()

    def flush(self) -> bool:
        """Send what waits; whether something was sent.

        Raises ClaimLost when the attempt is no longer ours, Unavailable.
        """
        if self._store is None:
            return False
        report = self._outbox_or_fail().flush(self._store)
        for entry, error in report.refused:
            if ends_claim(entry.write, self.attempt().claimed.claim_id):
                self.refused = error
        for entry, error in report.refused:
            if isinstance(error, ClaimLost) and entry.job == self.attempt().job_id:
                self.lost = error
                raise error
            raise error
        return report.sent > 0

    def _result_so_far(self, but: str | None = None) -> tuple[State, str]:
        if self._unbuildable is not None:
            return State.FAILED, self._unbuildable
        if self.broke_off is not None:
            return self._steps.failure() or (State.FAILED, _broken_by(self.broke_off))
        return self._steps.result(self.attempt().job_id, but=but)

    def _end_attempt(self) -> None:
        claimed = self.attempt().claimed
        if self.cancelled:
            self._release(self.cancelled)
            self.given_back = True
            return
        state, reason = self._result_so_far()
        if self.broke_off is None or self._steps.failure():
            self._complete(state, reason)
        elif last := last_attempt(claimed.job, reason):
            self._complete(state, last)
        else:
            self._release(reason)
            self.queued_again = True

    def _release(self, reason: str) -> None:
        self._outbox_or_fail().submit_release(self.attempt().claimed, reason)
        self._result = State.CANCELLED, reason

    def _complete(
        self,
        state: State,
        reason: str,
        manifest: bytes | None = None,
        artifacts: tuple[str, ...] = (),
        *transitions: Transition,
    ) -> None:
        completion = Completion(
            state=state,
            reason=reason,
            manifest=manifest,
            artifacts=artifacts,
            duration_seconds=round(self._monotonic() - self._claimed_at, 3),
            transitions=transitions,
        )
        self._outbox_or_fail().submit_completion(self.attempt().claimed, completion)
        self._result = state, reason

    def _try_flush(self) -> str:
        try:
            self.flush()
        except Unavailable as error:
            return f"not published yet: {error}"
        except CoordinationError as error:
            return f"not published: {error}"
        return "published"

    def _submit(self, transition: Transition, *, allowed: bool = False) -> None:
        if not self.lost:  # else nothing of this attempt counts any more
            self._keep(transition)
        self._steps.note(transition, allowed=allowed)

    def _keep(self, transition: Transition) -> None:
        plan = self._plan
        data = plan.data if plan else None
        if plan is not None:
            transition = replace(transition, details={**transition.details, **plan.details})
        self._outbox_or_fail().submit_transitions(self.attempt().claimed, [transition], data)
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
        return Transition.of_step(
            claimed.job,
            step,
            own_id=self._new_id(),
            builder=claimed.builder,
            from_state=self.state(step),
            to_state=state,
            at=self._clock(),
            reason=reason,
            duration_seconds=None if duration is None else round(duration, 3),
            log=log,
            details=details,
        )

    def _outbox_or_fail(self) -> Outbox:
        self.attempt()
        if self._outbox is None:
            raise BadRequest("no job is claimed")
        return self._outbox


def _ended_by(number: int) -> str:
    return f"ended by {signal.Signals(number).name}"


def _broken_by(error: BaseException | None) -> str:
    if error is None:
        return "the run broke off"
    cause = error.cause if isinstance(error, CoordinationError) else in_words(error)
    return f"the run broke off: {cause}"

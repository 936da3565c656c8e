"""The log of one attempt: the events of its steps, and its end.

Each fact goes into the outbox before anything relies on it; the keepalive thread pushes, and the
end of the run once more.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from common.states import State
from coordination_tasks.build.attempt.attempt_end import (
    AttemptEnd,
    BrokeOff,
    Completed,
    Lost,
    Refused,
    Released,
    SubmittedEnd,
)
from coordination_tasks.build.attempt.manifest_summary import artifact_names, artifacts_folder
from coordination_tasks.build.attempt.running_attempt import RunningAttempt
from coordination_tasks.build.attempt.stop_reasons import StopReasons
from coordination_tasks.build.logs.published import failure_log
from coordination_tasks.builder.outbox.delivery import Recipient
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.domain.attempt_result import AttemptSteps, Failed, Succeeded
from coordination_tasks.domain.errors import (
    AllRefused,
    BadRequest,
    ClaimLost,
    CoordinationError,
    Unavailable,
)
from coordination_tasks.domain.model import Transition
from coordination_tasks.domain.next_step import NextStep, next_step
from coordination_tasks.domain.state_machine import FINAL_STEP_STATES
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.store.attempt_commands import Completion, ends_claim
from coordination_tasks.store.operations.attempt import last_attempt
from coordination_tasks.store.plans import Plan


class AttemptLog:
    """The log of the newly claimed attempt. Safe for steps that run in parallel.

    Its records wait in `outbox` until `recipient` has them. `sign` returns the signature of a
    manifest; None: it is not signed. The end of a failed attempt contains at
    most `failed_log` bytes of the failed steps' logs; `published` is the text after it was sent.
    """

    def __init__(
        self,
        running: RunningAttempt,
        outbox: Outbox,
        recipient: Recipient,
        stop: StopReasons,
        *,
        failed_log: int = 0,
        published: str = "published",
        sign: Callable[[bytes], str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.running = running
        """The attempt as the steps see it."""
        self.stop = stop
        self._outbox = outbox
        self._recipient = recipient
        self._failed_log = failed_log
        self._published = published
        self._sign = sign
        self._monotonic = monotonic
        self._claimed_at = monotonic()
        self._lock = threading.RLock()
        self._steps = AttemptSteps()
        self._began: dict[str, float] = {}
        self._plan: Plan | None = None
        self._submitted: SubmittedEnd | None = None
        self._refusal: CoordinationError | None = None

    def made_with(self, running: RunningAttempt, plan: Plan) -> None:
        """Set the plan of the attempt; it is recorded together with the first step."""
        self.running, self._plan = running, plan
        self._outbox.hide(running.secrets.values())

    # --- steps ----------------------------------------------------------------------------------

    def step_began(self, step: str, reason: str) -> None:
        """Record that the step starts."""
        with self._lock:
            self._began[step] = self._monotonic()
            self._record(self._transition(step, State.RUNNING, reason))

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
        """Record the end of the step; a second end of the same step is not recorded.

        `allowed`: the job may succeed although the step failed.
        """
        with self._lock:
            if not self._has_ended(step):
                ended = self._transition(step, state, reason, log=log, details=details)
                self._record(ended, allowed=allowed)

    def leave_out(self, step: str) -> None:
        """Note that the step would have to run, but only another one was requested."""
        with self._lock:
            self._steps.leave_out(step)

    def step_states(self) -> Mapping[str, State]:
        """States of the steps that started or ended so far."""
        with self._lock:
            return self._steps.states()

    def ended_steps(self) -> int:
        """Number of steps that have ended."""
        with self._lock:
            return self._steps.ended()

    def running_steps(self) -> tuple[str, ...]:
        """Names of the running steps."""
        with self._lock:
            return self._steps.running()

    def ended_logs(self) -> Mapping[str, Transition]:
        """The ends of the steps that have ended and wrote a log, by step."""
        with self._lock:
            return self._steps.with_logs()

    def duration(self, step: str) -> float | None:
        """Seconds since the step started; None when it never ran."""
        began = self._began.get(step)
        return None if began is None else self._monotonic() - began

    def failure_lines(self) -> tuple[str, ...]:
        """For people: the output of the tools for each failure, and the paths of the logs."""
        return self._steps.failure_lines()

    def steps(self) -> tuple[Transition, ...]:
        """The last transition of each step that started or ended so far."""
        with self._lock:
            return self._steps.transitions()

    def next_step(self, end: Failed) -> NextStep | None:
        """What a person does about the failure."""
        job = replace(self.running.claimed.job, state=end.state, reason=end.reason)
        return next_step(job, self._steps.transitions())

    def next_lines(self, end: Failed) -> tuple[str, ...]:
        """The same for a terminal."""
        step = self.next_step(end)
        return step.lines if step else ()

    # --- the end --------------------------------------------------------------------------------

    def publish(self, step: str, manifest: bytes | None) -> str:
        """End the attempt in one write: job, status, manifest and the end of `step` itself.

        Raises BadConfiguration when the manifest cannot be signed.
        """
        with self._lock:
            end = self._result(but=step)
            finished = manifest if isinstance(end, Succeeded) else None
            finished = None if finished is None else self._outbox.cleaned(finished)
            names = artifact_names(finished)
            text = f"job {end.state}, {len(names)} artifact{'' if len(names) == 1 else 's'}"
            own_end = self._transition(step, State.SUCCEEDED, text)
            if isinstance(end, Succeeded):
                end = replace(end, artifacts_at=artifacts_folder(finished))
            self._complete(end, own_end, manifest=finished, artifacts=names)
            self._steps.note(own_end)
        return f"{text}; {self._try_flush()}"

    def fail(self, reason: str) -> None:
        """End the attempt before its first step: the job cannot be built."""
        with self._lock:
            self._submit(self.stop.signal or Failed(State.FAILED, reason))

    def finish(self, steps: Iterable[str]) -> None:
        """End the attempt if nothing did; end those of `steps` that have not ended.

        The job is released after a signal, and when the run was aborted before any step failed, as
        long as it has attempts left. Otherwise it is completed.
        """
        with self._lock:
            if self.stop.lost:
                return
            self._end_steps([step for step in steps if not self._has_ended(step)])
            if self._submitted is None:
                self._submit(self._end_of_run())

    def flush(self) -> bool:
        """Send waiting records; returns whether something was sent.

        Raises ClaimLost when the attempt is no longer ours, Unavailable.
        """
        report = self._outbox.flush(self._recipient)
        claimed = self.running.claimed
        for entry, error in report.refused:
            if ends_claim(entry.command, claimed.claim_id):
                self._refusal = error
        for entry, error in report.refused:
            if isinstance(error, ClaimLost) and entry.job == claimed.job.id:
                self.stop.lost = error
            raise error
        return report.sent > 0

    def send_end(self) -> None:
        """Send waiting records after the attempt has ended; a refused end becomes part of `end`.

        Raises Unavailable when they keep waiting, and the refusal of any other record.
        """
        try:
            self.flush()
        except Unavailable:
            raise
        except AllRefused as error:
            self._refusal = error
        except CoordinationError as error:
            # a lost claim is already known, or belongs to an earlier attempt
            if not (self._refusal or isinstance(error, ClaimLost)):
                raise

    def end(self) -> AttemptEnd:
        """How the attempt ended. Raises BadRequest when it has not."""
        if self.stop.lost:
            return Lost(self.stop.lost)
        if self._submitted is None:
            raise BadRequest("the attempt has not ended")
        if self._refusal:
            return Refused(self._submitted, self._refusal)
        if self.stop.broke_off and not isinstance(self._submitted, BrokeOff):
            return replace(self.stop.broke_off, job=self._submitted)
        return self._submitted

    # --------------------------------------------------------------------------------------------

    def _has_ended(self, step: str) -> bool:
        return self._steps.state(step) in FINAL_STEP_STATES

    def _end_steps(self, steps: Sequence[str]) -> None:
        if not steps:
            return
        unknown = CoordinationError(f"unknown result of {', '.join(steps)}")
        why = self.stop.signal or self.stop.broke_off or self.stop.break_off(unknown)
        for step in steps:
            runs = self._steps.state(step) is State.RUNNING
            self.step_ended(step, State.CANCELLED if runs else State.SKIPPED, why.reason)

    def _result(self, but: str) -> Completed:
        """The job's end by the current states of all steps except the one that publishes it."""
        if self.stop.broke_off:
            return self._steps.failure() or Failed(State.FAILED, self.stop.broke_off.reason)
        return self._steps.result(self.running.job_id, but=but)

    def _end_of_run(self) -> SubmittedEnd:
        broke_off = self.stop.broke_off
        if self.stop.signal:
            return self.stop.signal
        if broke_off is None:
            return self._steps.result(self.running.job_id)
        if failure := self._steps.failure():
            return failure
        claimed = self.running.claimed
        last = None if claimed.ended_as else last_attempt(claimed.job, broke_off.reason)
        return Failed(State.FAILED, last) if last else broke_off

    def _submit(self, end: SubmittedEnd) -> None:
        match end:
            case Succeeded() | Failed():
                self._complete(end)
            case Released() | BrokeOff():
                self._outbox.submit_release(self.running.claimed, end.reason)
                self._submitted = end

    def _complete(
        self,
        end: Completed,
        *transitions: Transition,
        manifest: bytes | None = None,
        artifacts: tuple[str, ...] = (),
    ) -> None:
        completion = Completion(
            state=end.state,
            reason=end.reason,
            manifest=manifest,
            signature=self._sign(manifest) if manifest is not None and self._sign else "",
            artifacts=artifacts,
            duration_seconds=round(self._monotonic() - self._claimed_at, 3),
            transitions=transitions,
            log=self._failure_log() if isinstance(end, Failed) else "",
        )
        self._outbox.submit_completion(self.running.claimed, completion)
        self._submitted = end

    def _failure_log(self) -> str:
        secrets = self.running.secrets.values()
        return failure_log(self._steps.failed(), self._failed_log, secrets)

    def _try_flush(self) -> str:
        try:
            self.flush()
        except Unavailable as error:
            return f"not published yet: {error}"
        except CoordinationError as error:
            return f"not published: {error}"
        return self._published

    def _record(self, transition: Transition, *, allowed: bool = False) -> None:
        if not self.stop.lost:  # otherwise no record of this attempt counts any more
            self._keep(transition)
        self._steps.note(transition, allowed=allowed)

    def _keep(self, transition: Transition) -> None:
        plan = self._plan
        data = plan.data if plan else None
        if plan is not None:
            transition = replace(transition, details={**transition.details, **plan.details})
        self._outbox.submit_transitions(self.running.claimed, [transition], data)
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
        claimed = self.running.claimed
        duration = None if state is State.RUNNING else self.duration(step)
        return Transition.of_step(
            claimed.job,
            step,
            own_id=uuid.uuid4().hex,
            builder=claimed.builder,
            from_state=self._steps.state(step),
            to_state=state,
            at=utc_now(),
            reason=reason,
            duration_seconds=None if duration is None else round(duration, 3),
            log=log,
            details=details,
        )

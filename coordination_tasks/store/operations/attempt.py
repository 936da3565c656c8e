"""The commands of a builder for its attempt: pure changes of a draft, fenced and repeatable."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from common.states import State
from coordination_tasks.documents.builder_status import FAILED, IDLE, SUCCESS, StatusChange
from coordination_tasks.documents.codec import duration_members
from coordination_tasks.documents.jobs import JobsDocument, read_jobs, write_jobs
from coordination_tasks.documents.paths import (
    attempt_of,
    failure_log_path,
    manifest_path,
    old_manifest_path,
    plan_path,
    quoted,
    transitions_folder,
)
from coordination_tasks.documents.transitions import TransitionLog, read_log, write_log
from coordination_tasks.domain.errors import BadRequest, ClaimLost, HistoryRewritten
from coordination_tasks.domain.good_builds import tag_name, tag_text
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.domain.state_machine import check_job_transition
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.repository.draft import Draft
from coordination_tasks.repository.protocol import Mark
from coordination_tasks.store.attempt_commands import (
    AttemptCommand,
    Complete,
    Completion,
    Fence,
    Record,
    Release,
)
from coordination_tasks.store.old_programs import old_builders, old_manifest
from coordination_tasks.store.operations.build_metrics import add_row
from coordination_tasks.store.status_publisher import Publisher

RESTORED = {"restored": True}
"""Details of the transition with which an aborted attempt left the job as it had ended before."""
MANIFEST_KEY = "manifest"
"""In the details of the transition that ended an attempt: SHA-256 of its manifest."""
SIGNATURE_KEY = "signature"
"""Beside it: the signature of the manifest."""

_ENDS = frozenset({State.SUCCEEDED, State.FAILED, State.TIMED_OUT, State.CANCELLED})


def is_restored(end: Transition) -> bool:
    """Whether an aborted attempt left the job as it had ended before: its end is an earlier one."""
    return RESTORED.keys() <= end.details.keys()


def apply_command(draft: Draft, command: AttemptCommand, publisher: Publisher) -> None:
    """Apply the command; nothing changes if it was applied before.

    Raises ClaimLost, IllegalTransition, HistoryRewritten, BrokenDocument, BadRequest.
    """
    log = read_log(draft, command.fence.job_id, command.fence.attempt)
    if isinstance(command, Record):
        _record(draft, command, log)
    elif isinstance(command, Complete):
        _complete(draft, command, log, publisher)
    else:
        _release(draft, command, log, publisher)


def is_recorded(command: AttemptCommand, ids: Collection[str]) -> bool:
    """Whether the command was applied before, by the ids of its attempt's transitions."""
    if isinstance(command, Record):
        return all(transition.id in ids for transition in command.transitions)
    state = command.completion.state if isinstance(command, Complete) else State.CANCELLED
    return _end_id(command.fence, state) in ids


def changes_queue(command: AttemptCommand) -> bool:
    """Whether the command changes `coordination/jobs.json`, which others may have locked."""
    return not isinstance(command, Record)


def _record(draft: Draft, command: Record, log: TransitionLog) -> None:
    fresh = [transition for transition in command.transitions if not log.has(transition.id)]
    if not fresh:
        return
    _check_fence(read_jobs(draft), log, command.fence)
    log.append_steps(fresh)
    write_log(draft, command.fence.job_id, command.fence.attempt, log)
    if command.plan is not None:
        _keep_plan(draft, command.plan)
    for transition in fresh:
        draft.note(f"{_title(command.fence)}: {transition.step} {transition.to_state}")


def _keep_plan(draft: Draft, data: bytes) -> None:
    path = plan_path(hashlib.sha256(data).hexdigest())
    if path is not None and draft.read(path) != data:
        draft.write(path, data)


def _complete(draft: Draft, command: Complete, log: TransitionLog, publisher: Publisher) -> None:
    fence, completion = command.fence, command.completion
    if completion.state not in _ENDS:
        raise BadRequest(f"invalid end of an attempt: {completion.state}")
    if is_recorded(command, log.ids):
        return
    jobs = read_jobs(draft)
    job = _check_fence(jobs, log, fence)
    check_job_transition(job.id, job.state, completion.state)
    log.append_steps(completion.transitions)
    at = log.not_before(completion.at or publisher.now)
    ended = replace(
        job,
        state=completion.state,
        reason=completion.reason,
        completed_at=at,
        duration_seconds=_duration(job, completion, at),
    )
    log.append(
        Transition.of_job(
            ended,
            own_id=_end_id(fence, ended.state),
            builder=fence.builder,
            from_state=job.state,
            at=at,
            reason=ended.reason,
            details=_manifest_details(completion),
        )
    )
    jobs.put(ended)
    write_jobs(draft, jobs)
    write_log(draft, fence.job_id, fence.attempt, log)
    if completion.manifest is not None:
        path = manifest_path(fence.builder, fence.job_id, fence.attempt)
        draft.write(path, completion.manifest)
        copy = old_manifest(completion.manifest)
        if copy and old_builders(draft, publisher.now, own=fence.builder):
            draft.write(old_manifest_path(fence.builder, quoted(fence.job_id)), copy)
    if completion.log:
        _write_log(draft, fence.builder, at, completion.log)
    _publish_end(draft, ended, completion, publisher)
    _mark_good_build(draft, ended, completion, fence.builder, at)
    add_row(draft, ended, fence.builder, completion, at)
    draft.note(f"{_title(fence)}: {completion.state}")


def _mark_good_build(
    draft: Draft, job: Job, completion: Completion, builder: str, at: datetime
) -> None:
    """A success with artifacts is found again by the name of its branch."""
    has_artifacts = job.state is State.SUCCEEDED and completion.manifest is not None
    if has_artifacts and not job.reproduces and (name := tag_name(job.branch or "", at)):
        draft.marks.append(Mark(name, tag_text(job, builder, at)))


def _write_log(draft: Draft, builder: str, at: datetime, text: str) -> None:
    path = failure_log_path(builder, at)
    while draft.read(path) is not None:  # one of another attempt, in the same second
        at += timedelta(seconds=1)
        path = failure_log_path(builder, at)
    draft.write(path, text.encode("utf-8", "replace"))


def _release(draft: Draft, command: Release, log: TransitionLog, publisher: Publisher) -> None:
    fence = command.fence
    if is_recorded(command, log.ids):
        return
    jobs = read_jobs(draft)
    job = _check_fence(jobs, log, fence)
    check_job_transition(job.id, job.state, State.CANCELLED)
    log.append_steps(command.transitions)
    after = given_back(draft, job, command.reason)
    restored = after.state is not State.QUEUED
    moves = [(State.CANCELLED, command.reason), (State.QUEUED, "released for any builder")]
    if restored:
        moves = [(after.state, f"{command.reason}; the job stays {after.state}")]
    before = job.state
    for state, reason in moves:
        # the first one shows that this command was applied
        own_id = _end_id(fence, State.CANCELLED if before is job.state else state)
        log.append(
            Transition.of_job(
                replace(job, state=state),
                own_id=own_id,
                builder=fence.builder,
                from_state=before,
                at=command.at or publisher.now,
                reason=reason,
                details=RESTORED if restored else None,
            )
        )
        before = state
    jobs.put(after)
    write_jobs(draft, jobs)
    write_log(draft, fence.job_id, fence.attempt, log)
    if not publisher.builds_other_than(draft, job.id):
        publisher.publish(draft, StatusChange(status=IDLE))
    draft.note(f"{_title(fence)}: released")


def requeued(job: Job, reason: str) -> Job:
    """The job queued again for any builder; later writes of its attempt are refused."""
    return replace(
        job,
        state=State.QUEUED,
        assigned_to=None,
        token=job.token + 1,
        claim_id=None,
        reason=reason,
        started_at=None,
    )


def given_back(draft: Draft, job: Job, reason: str) -> Job:
    """The running job after its attempt was aborted: queued again, or as it had ended before.

    Later writes of the attempt are refused.
    """
    waits = requeued(job, reason)
    state = ended_before(read_log(draft, job.id, job.attempt).transitions)
    if state is None:
        return waits
    ended = replace(waits, state=state, assigned_to=job.assigned_to)
    for number in _earlier_attempts(draft, job):
        moves = [t for t in read_log(draft, job.id, number).transitions if t.step is None]
        ends = (t for t in reversed(moves) if t.to_state is state and not is_restored(t))
        end = next(ends, None)
        if end is not None:
            began = next((t.at for t in moves if t.to_state is State.RUNNING), None)
            return replace(
                ended,
                assigned_to=end.builder,
                reason=end.reason,
                started_at=began,
                completed_at=end.at,
                duration_seconds=(end.at - began).total_seconds() if began else None,
            )
    return ended


def _earlier_attempts(draft: Draft, job: Job) -> list[int]:
    """Numbers of the recorded attempts before the job's own, the last one first."""
    # counting down from a number that somebody else wrote might not end
    numbers = map(attempt_of, draft.names(transitions_folder(job.id)))
    return sorted((n for n in numbers if n is not None and n < job.attempt), reverse=True)


def ended_before(transitions: Iterable[Transition]) -> State | None:
    """The state of a job that had ended when the attempt with these transitions claimed it."""
    claims = (t for t in transitions if t.step is None and t.to_state is State.RUNNING)
    return next((t.from_state for t in claims if t.from_state in _ENDS), None)


def last_attempt(job: Job, reason: str) -> str | None:
    """Why a job fails whose attempt was aborted for `reason`; None: it may be queued again."""
    if job.attempt < job.max_attempts:
        return None
    return f"{reason}; attempt {job.attempt} of {job.max_attempts} was the last"


def ends_of_running_steps(
    job: Job,
    recorded: Iterable[Transition],
    *,
    builder: str,
    at: datetime,
    reason: str,
    succeeded: Mapping[str, str] | None = None,
) -> tuple[Transition, ...]:
    """End transitions by `builder` for the steps that are still running in `recorded`.

    `succeeded` has the results of steps that succeeded; the others are cancelled.
    """
    last = {t.step: t.to_state for t in recorded if t.step is not None}
    running = [step for step, state in last.items() if state is State.RUNNING]
    done = succeeded or {}
    ends = {step: State.SUCCEEDED if step in done else State.CANCELLED for step in running}
    return tuple(
        Transition.of_step(
            job,
            step,
            own_id=f"{job.id}-{job.token}-{step}-{state}",
            builder=builder,
            from_state=State.RUNNING,
            to_state=state,
            at=at,
            reason=done.get(step, reason),
        )
        for step, state in ends.items()
    )


def _check_fence(jobs: JobsDocument, log: TransitionLog, fence: Fence) -> Job:
    """The job, if the attempt still holds it or has ended it."""
    job = jobs.get(fence.job_id)
    if job is None:
        raise ClaimLost(f"job {fence.job_id} is no longer in the queue")
    if job.token < fence.token:
        raise HistoryRewritten(
            f"job {job.id} has fencing token {job.token}, lower than {fence.token} of its claim"
        )
    held = (job.token, job.attempt, job.claim_id, job.assigned_to) == (
        fence.token,
        fence.attempt,
        fence.claim_id,
        fence.builder,
    )
    own_end = job.state in _ENDS and log.has(_end_id(fence, job.state))
    if held and (job.state is State.RUNNING or own_end):
        return job
    raise claim_lost(job, fence.attempt)


def claim_lost(job: Job, attempt: int) -> ClaimLost:
    """The error of an attempt that no longer holds its job."""
    now = "queued again" if job.state is State.QUEUED else job.state.value
    holder = f" on {job.assigned_to}" if job.state is State.RUNNING and job.assigned_to else ""
    return ClaimLost(
        f"this builder lost the claim on job {job.id} (attempt {attempt}):"
        f" the job is {now}{holder} ({job.reason or 'no reason given'})"
    )


def _manifest_details(completion: Completion) -> dict[str, object]:
    """The digest and signature that show later whether the manifest is unchanged, and whose."""
    if completion.manifest is None:
        return {}
    digest = {MANIFEST_KEY: hashlib.sha256(completion.manifest).hexdigest()}
    return {**digest, **({SIGNATURE_KEY: completion.signature} if completion.signature else {})}


def _publish_end(draft: Draft, job: Job, completion: Completion, publisher: Publisher) -> None:
    if publisher.builds_other_than(draft, job.id):
        return
    if job.state is State.CANCELLED:
        publisher.publish(draft, StatusChange(status=IDLE))
        return
    result = SUCCESS if job.state is State.SUCCEEDED else FAILED
    last_build = {
        "id": job.id,
        "status": result,
        "completed_at": format_time(job.completed_at or publisher.now),
        **duration_members(job.duration_seconds),
        "artifacts": list(completion.artifacts),
    }
    publisher.publish(draft, StatusChange(status=result, last_build=last_build))


def _duration(job: Job, completion: Completion, at: datetime) -> float | None:
    if completion.duration_seconds is not None or job.started_at is None:
        return completion.duration_seconds
    return max(0.0, round((at - job.started_at).total_seconds(), 3))


def _end_id(fence: Fence, state: State) -> str:
    # one claim may take two jobs in turn, if it lost the first one before it knew of it
    return f"{fence.claim_id}-{fence.job_id}-{fence.token}-{state}"


def _title(fence: Fence) -> str:
    return f"{fence.builder}: {fence.job_id} attempt {fence.attempt}"

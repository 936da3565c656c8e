"""Whether jobs are consistent with each other and their records. Read-only; compares no clocks."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Iterator

from common.states import State
from coordination_tasks.documents.paths import JOBS
from coordination_tasks.documents.transitions import TransitionLog
from coordination_tasks.domain.errors import BrokenDocument, IllegalTransition, NotFound
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.domain.scheduling import (
    NO_SOURCE,
    Wanted,
    names_no_source,
    problem_without_pipeline,
)
from coordination_tasks.domain.state_machine import check_job_transition, check_step_transition
from coordination_tasks.fsck.finding import Finding
from coordination_tasks.fsck.references import check_attempt
from coordination_tasks.store.snapshot import Snapshot

_NEVER_SUCCEEDS = frozenset({State.FAILED, State.TIMED_OUT, State.CANCELLED})
_LEFT_ALONE = (
    "records are never changed: inform the owner of the builder; to build the job again:"
    " doit build --job {job}"
)


def check_jobs(snapshot: Snapshot, wanted: Wanted | None) -> Iterator[Finding]:
    """Problems of the queue's jobs; `wanted` has the pipelines known here.

    Without it (their file cannot be used) nothing is said of the jobs' pipelines. Archived jobs
    are not checked, but others may depend on them. Raises BrokenDocument when the
    queue itself is unreadable.
    """
    for job_id, lost in snapshot.queue.restored():
        problem = f"another program removed {', '.join(lost)} of job {job_id}"
        yield Finding(
            path=JOBS,
            problem=f"{JOBS}: {problem}",
            remedy="nothing is lost: builders use what was requested, and the next claim writes it"
            " again; inform the owner of that program",
        )
    for job in snapshot.jobs():
        yield from _check_history(snapshot, job)
        yield from check_attempt(snapshot, job)
        if job.state is State.QUEUED:
            if wanted is not None:
                yield from _check_pipeline(job, wanted)
            if names_no_source(job):
                yield Finding(
                    path=JOBS,
                    problem=f"{JOBS}: queued job {job.id}: {NO_SOURCE}",
                    remedy=f"enter one of them, or cancel the job: doit cancel {job.id}",
                )
            yield from _check_dependencies(snapshot, job)
    yield from _check_circle(snapshot.jobs())


def _check_history(snapshot: Snapshot, job: Job) -> Iterator[Finding]:
    for problem in snapshot.unreadable_transitions(job.id):
        path, _, what = problem.partition(": ")
        remedy = f"see the history of {path}; the other lines are used as they are"
        yield Finding(path=path, problem=f"{path}: {what}", remedy=remedy)
    for _, log in sorted(snapshot.logs(job.id).items()):
        path = log.path
        for problem in illegal_moves(TransitionLog(log.data).transitions):
            remedy = _LEFT_ALONE.format(job=job.id)
            yield Finding(path=path, problem=f"{path}: {problem}", remedy=remedy)


def illegal_moves(transitions: Iterable[Transition]) -> Iterator[str]:
    """Illegal transitions of one attempt, in order.

    Gaps between a job's own transitions are allowed: old programs change jobs without a record.
    """
    states: dict[str, State] = {}
    seen: set[str] = set()
    for move in transitions:
        if move.id in seen:
            yield f"transition {move.id} is recorded twice"
            continue
        seen.add(move.id)
        try:
            if move.step is None:
                check_job_transition(move.job, move.from_state, move.to_state)
                continue
            before = states.get(move.step, State.QUEUED)
            states[move.step] = move.to_state
            if move.from_state is not before:
                yield f"step {move.step} was {before}, but a transition starts at {move.from_state}"
            check_step_transition(move.step, move.from_state, move.to_state)
        except IllegalTransition as error:
            yield str(error)


def _check_pipeline(job: Job, wanted: Wanted) -> Iterator[Finding]:
    pipeline = wanted.pipeline_of(job)
    if pipeline in wanted.pipelines:
        return
    problem = f"unknown pipeline {pipeline}" if pipeline else problem_without_pipeline(job, wanted)
    yield Finding(
        path=JOBS,
        problem=f"{JOBS}: queued job {job.id}: {problem}",
        remedy="add the pipeline to pipelines.yaml, or enqueue the job with another one",
    )


def _check_dependencies(snapshot: Snapshot, job: Job) -> Iterator[Finding]:
    for needed in job.dependencies:
        try:
            state = snapshot.job(needed).state
        except NotFound:
            problem, remedy = "does not exist", "remove it from `dependencies`, or enqueue it"
        except BrokenDocument:
            problem, remedy = "is unreadable", "fix that entry first"
        else:
            if state not in _NEVER_SUCCEEDS:
                continue
            problem, remedy = f"is {state}", f"build that one first: doit build --job {needed}"
        what = f"queued job {job.id} waits for job {needed}, which {problem}"
        yield Finding(path=JOBS, problem=f"{JOBS}: {what}", remedy=remedy)


def _check_circle(jobs: tuple[Job, ...]) -> Iterator[Finding]:
    waiting = {job.id: job.dependencies for job in jobs if job.state is State.QUEUED}
    try:
        graphlib.TopologicalSorter(waiting).prepare()
    except graphlib.CycleError as error:
        # the sorter names each job before the one that waits for it
        circle = " waits for ".join(reversed(error.args[1]))
        problem = f"{JOBS}: queued jobs wait for each other: {circle}"
        remedy = "remove one of them from the other's `dependencies`"
        yield Finding(path=JOBS, problem=problem, remedy=remedy)

"""Whether jobs fit each other and what is recorded of them. Looks only; compares no clocks."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Iterator

from common.states import State
from coordination_tasks.documents.paths import JOBS
from coordination_tasks.documents.transitions import TransitionLog
from coordination_tasks.domain.errors import BrokenDocument, IllegalTransition, NotFound
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.domain.scheduling import Wanted
from coordination_tasks.domain.state_machine import check_job_transition, check_step_transition
from coordination_tasks.fsck.finding import Finding
from coordination_tasks.fsck.references import check_attempt
from coordination_tasks.store.snapshot import Snapshot

_NEVER_SUCCEEDS = frozenset({State.FAILED, State.TIMED_OUT, State.CANCELLED})
_LEFT_ALONE = (
    "records are never changed: tell who runs the builder; the job itself can be built again,"
    " doit build --job {job}"
)


def check_jobs(snapshot: Snapshot, wanted: Wanted | None) -> Iterator[Finding]:
    """What is wrong with the queue's jobs; `wanted` has the pipelines known here.

    Without it (their file cannot be used) nothing is said of the jobs' pipelines. Archived jobs
    are not looked at, but others may depend on them. Raises BrokenDocument when the
    queue itself can't be read.
    """
    for job in snapshot.jobs():
        yield from _check_history(snapshot, job)
        yield from check_attempt(snapshot, job)
        if job.state is State.QUEUED:
            if wanted is not None:
                yield from _check_pipeline(job, wanted)
            yield from _check_dependencies(snapshot, job)
    yield from _check_circle(snapshot.jobs())


def _check_history(snapshot: Snapshot, job: Job) -> Iterator[Finding]:
    for problem in snapshot.unreadable_transitions(job.id):
        path, _, what = problem.partition(": ")
        remedy = f"see it in the history of {path}; the lines beside it are used as they are"
        yield Finding(path=path, problem=f"{path}: {what}", remedy=remedy)
    for _, log in sorted(snapshot.logs(job.id).items()):
        path = log.path
        for problem in illegal_moves(TransitionLog(log.data).transitions):
            remedy = _LEFT_ALONE.format(job=job.id)
            yield Finding(path=path, problem=f"{path}: {problem}", remedy=remedy)


def illegal_moves(transitions: Iterable[Transition]) -> Iterator[str]:
    """What the state machine does not allow in the transitions of one attempt, in order.

    That two of a job's own moves don't meet is allowed: old programs move jobs and record nothing.
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
                yield f"step {move.step} was {before}, but goes from {move.from_state}"
            check_step_transition(move.step, move.from_state, move.to_state)
        except IllegalTransition as error:
            yield str(error)


def _check_pipeline(job: Job, wanted: Wanted) -> Iterator[Finding]:
    pipeline = wanted.pipeline_of(job)
    if pipeline in wanted.pipelines:
        return
    problem = f"has the pipeline {pipeline}, which is not known here" if pipeline else "has none"
    yield Finding(
        path=JOBS,
        problem=f"{JOBS}: queued job {job.id} {problem}",
        remedy="add the pipeline to the farm's pipelines file, or enqueue the job with another",
    )


def _check_dependencies(snapshot: Snapshot, job: Job) -> Iterator[Finding]:
    for needed in job.dependencies:
        try:
            state = snapshot.job(needed).state
        except NotFound:
            problem, remedy = "is not there", "take it out of `dependencies`, or enqueue it"
        except BrokenDocument:
            problem, remedy = "can't be read", "mend that entry first"
        else:
            if state not in _NEVER_SUCCEEDS:
                continue
            problem, remedy = f"is {state}", f"build that first: doit build --job {needed}"
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
        remedy = "take one of these out of the other's `dependencies`"
        yield Finding(path=JOBS, problem=problem, remedy=remedy)

"""Whether this builder trusts queued jobs, and the plans that they used before. Read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from common.states import State
from coordination_tasks.documents.paths import JOBS, transitions_path
from coordination_tasks.domain.errors import ForeignPlan
from coordination_tasks.domain.model import Job
from coordination_tasks.fsck.finding import Finding
from coordination_tasks.store.plans import RecordedPlan, recorded_plan
from coordination_tasks.store.snapshot import Snapshot


def check_plans(
    snapshot: Snapshot, find: Callable[[Job, RecordedPlan], object]
) -> Iterator[Finding]:
    """Queued jobs whose earlier attempt used a plan for which `find` raises ForeignPlan.

    Raises BrokenDocument when the queue itself is unreadable.
    """
    for job in snapshot.jobs():
        recorded = recorded_plan(snapshot, job) if job.state is State.QUEUED else None
        if recorded is None:
            continue
        try:
            find(job, recorded)
        except ForeignPlan as error:
            path = transitions_path(job.id, recorded.attempt)
            yield Finding(
                path=path,
                problem=f"{path}: queued job {job.id}: {error}",
                remedy=f"this builder refuses it. To use the current file: doit retry {job.id}"
                f" --replan. To see who wrote it: git log -- {path}",
            )
        except ValueError:
            continue  # its pipeline is unknown: check_jobs reports it


def check_signed(snapshot: Snapshot, problem_of: Callable[[Job], str]) -> Iterator[Finding]:
    """Queued jobs that this builder does not run, since nobody whom it knows signed them.

    Raises BrokenDocument when the queue itself is unreadable.
    """
    for job in snapshot.queue.queued():
        if problem := problem_of(job):
            yield Finding(
                path=JOBS,
                problem=f"{JOBS}: queued job {job.id}: {problem}",
                remedy=f"queue it again with a key that allowed_signers names, and end this one:"
                f" doit cancel {job.id}",
            )

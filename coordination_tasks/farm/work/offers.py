"""What the queue offers a builder, as far as it decides whether a new claim can succeed."""

from __future__ import annotations

from dataclasses import dataclass

from common.states import State
from coordination_tasks.documents.drains import drain_of
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import Job
from coordination_tasks.store.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What one version of the store holds for a builder."""

    jobs: tuple[tuple[Job, tuple[State | None, ...]], ...] = ()
    """Waiting jobs that it may build, each with the states of its dependencies."""
    own: str = ""
    """The job that it builds; "": none."""
    obstacle: str = ""
    """Why it can claim none at all: it is drained, or a document is broken."""


def read_offers(snapshot: Snapshot, builder: str) -> Offers:
    """The offers to this builder. Raises Unavailable."""
    try:
        drain = drain_of(snapshot.drains(), builder)
        mine = (
            job.id
            for job in snapshot.queue.unfinished()
            if job.state is State.RUNNING and job.assigned_to == builder
        )
        waiting = (
            (job, tuple(map(snapshot.state_of, job.dependencies)))
            for job in snapshot.queue.queued()
            if not job.held and job.only_builder in {None, builder}
        )
        return Offers(
            jobs=() if drain else tuple(waiting),
            own=next(mine, ""),
            obstacle=str(drain) if drain else "",
        )
    except BrokenDocument as error:
        return Offers(obstacle=str(error))

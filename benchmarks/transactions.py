"""Single transactions, and the farm that they see."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from common.states import State
from coordination_tasks.domain.model import Attempt, BuilderProfile, Job, Transition
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.store.store import Store

PIPELINE = "sample"
PIPELINES = {PIPELINE: ()}


@contextmanager
def builder(url: str, cache: Path, name: str = "build1") -> Iterator[Store]:
    """A store with a clone of its own."""
    with GitRepository(url, cache, author=name, timeout=600.0) as repository:
        yield Store(repository, BuilderProfile(id=name))


def job(job_id: str) -> Job:
    """A job of the one pipeline."""
    return Job(id=job_id, pipeline=PIPELINE, commit="a" * 40)


def claim(store: Store, job_id: str | None = None) -> Attempt:
    """The next job, or this one."""
    return store.claim(claim_id=uuid.uuid4().hex, pipelines=PIPELINES, job_id=job_id)


def step(attempt: Attempt, name: str, at: datetime | None = None) -> tuple[Transition, Transition]:
    """A step that ran and succeeded."""
    states = ((State.QUEUED, State.RUNNING), (State.RUNNING, State.SUCCEEDED))
    began, ended = (
        Transition(
            id=uuid.uuid4().hex,
            job=attempt.job.id,
            attempt=attempt.number,
            token=attempt.token,
            builder=attempt.builder,
            step=name,
            from_state=before,
            to_state=after,
            at=at or datetime.now(UTC),
            reason="its inputs changed" if after is State.RUNNING else "exit code 0",
            log=f"/var/lib/builder/{attempt.job.id}/logs/{name}.log",
        )
        for before, after in states
    )
    return began, ended


def timed_record(store: Store, attempt: Attempt, name: str) -> float:
    """Seconds of the transaction that records a step."""
    transitions = step(attempt, name)
    began = time.perf_counter()
    store.record(attempt, transitions)
    return time.perf_counter() - began

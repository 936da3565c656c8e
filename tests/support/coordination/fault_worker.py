"""One process of the fault test: builds, flushes, enqueues or reaps until it is told to stop.

It is killed at any instant and started again. What it relied on it writes into its ledger, one JSON
object a line, right after the outbox or the store had promised it.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from common.states import State
from coordination_tasks.builder.claim_intent import ClaimIntent
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.builder.recovery import recover
from coordination_tasks.domain.errors import (
    ClaimLost,
    CoordinationError,
    NothingToClaim,
    Unavailable,
)
from coordination_tasks.domain.model import Attempt, BuilderProfile, Job
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.repository.transaction import Pace
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.store import Store
from tests.support.coordination.world import PIPELINES, transition

STEPS = ("checkout", "maven", "package")
PUSH_SECONDS = 10.0


class Place:
    """What one builder has on its disk, and its way to the remote."""

    def __init__(self, folder: Path, name: str, url: str) -> None:
        self.folder = folder / name
        self.folder.mkdir(exist_ok=True)
        self.stop = folder / "stop"
        self.name = name
        self.repository = GitRepository(
            url, self.folder / "clone", author=name, timeout=PUSH_SECONDS
        )
        self.store = Store(
            self.repository, BuilderProfile(id=name), pace=Pace(patience=5.0), notice=lambda _: None
        )

    def note(self, **what: object) -> None:
        """Write into the ledger of this process."""
        line = json.dumps({"builder": self.name, **what}) + "\n"
        ledger = self.folder / f"ledger-{os.getpid()}"
        descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, line.encode())
        os.close(descriptor)

    def outbox(self) -> Outbox:
        return Outbox(self.folder / "outbox.sqlite")

    @property
    def intent(self) -> ClaimIntent:
        return ClaimIntent(self.folder / "claim")

    @property
    def goes_on(self) -> bool:
        return not self.stop.exists()


def give_back(place: Place, outbox: Outbox) -> None:
    """What `doit build` does first: care for what a killed predecessor left behind."""
    recover(
        place.store,
        outbox,
        place.intent,
        builder=place.name,
        ended=lambda _attempt, _plan: {},
        clock=utc_now,
    )


def build(place: Place, chance: random.Random) -> None:
    """Claim and build job after job."""
    with place.outbox() as outbox:
        while place.goes_on:
            try:
                give_back(place, outbox)
                claim_id = uuid.uuid4().hex
                place.intent.write(claim_id)
                attempt = place.store.claim(claim_id=claim_id, pipelines=PIPELINES)
            except (NothingToClaim, ClaimLost, Unavailable):
                time.sleep(chance.uniform(0.05, 0.2))
                continue
            place.note(claim=[attempt.job.id, attempt.number, attempt.token, attempt.claim_id])
            build_job(place, outbox, attempt, chance)
            place.intent.clear()


def build_job(place: Place, outbox: Outbox, attempt: Attempt, chance: random.Random) -> None:
    """The steps of one job; its end is in the outbox at the end, and sent if that is possible."""
    for step in STEPS:
        moves = ((State.QUEUED, State.RUNNING), (State.RUNNING, State.SUCCEEDED))
        for before, after in moves:
            made = transition(attempt, step, before, after)
            outbox.submit_transitions(attempt, [made])
            place.note(transition=made.id, job=attempt.job.id, attempt=attempt.number)
            if chance.random() < 0.4:
                with suppress(Unavailable):
                    outbox.flush(place.store)
    if chance.random() < 0.2:
        outbox.submit_release(attempt, "given back")
    else:
        outbox.submit_completion(attempt, Completion(state=State.SUCCEEDED, reason="done"))
    place.note(end=attempt.claim_id, job=attempt.job.id, attempt=attempt.number)
    while outbox.pending() and place.goes_on:
        with suppress(Unavailable):
            outbox.flush(place.store)


def flush(place: Place, chance: random.Random) -> None:
    """Flush the outbox of a builder beside the builder itself."""
    with place.outbox() as outbox:
        while place.goes_on:
            with suppress(Unavailable):
                outbox.flush(place.store)
            time.sleep(chance.uniform(0, 0.2))


def enqueue(place: Place, chance: random.Random) -> None:
    """Keep the queue filled; a job may be queued twice, because nobody heard the answer."""
    count = len(list(place.folder.glob("ledger-*"))) * 1000
    while place.goes_on:
        with suppress(Unavailable):
            jobs = place.store.jobs()
            if sum(job.state is State.QUEUED for job in jobs) < 12:
                count += 1
                job = Job(
                    id=f"job_{count}",
                    pipeline="sample",
                    priority=chance.randint(1, 10),
                    max_attempts=chance.choice([1, 50]),
                )
                place.note(enqueue=job.id)
                until_answered(place, lambda: place.store.enqueue(job))  # noqa: B023 - run here
        time.sleep(chance.uniform(0, 0.1))


def until_answered(place: Place, call: Callable[[], object]) -> None:
    while place.goes_on:
        with suppress(Unavailable):
            call()
            return


def reap(place: Place, chance: random.Random) -> None:
    """Take jobs from builders that live: to them it is as if they had slept for too long."""
    while place.goes_on:
        with suppress(Unavailable):
            running = [job for job in place.store.jobs() if job.state is State.RUNNING]
            if running and chance.random() < 0.5:
                job = chance.choice(running)
                place.store.reap(job.id, seen_token=job.token, reason="taken for dead")
        time.sleep(chance.uniform(0, 0.6))


ROLES = {"build": build, "flush": flush, "enqueue": enqueue, "reap": reap}


def main(role: str, folder: str, name: str, url: str, seed: str) -> None:
    place = Place(Path(folder), name, url)
    try:
        ROLES[role](place, random.Random(seed))
    except CoordinationError as error:
        place.note(error=f"{type(error).__name__}: {error}", role=role)
        raise


if __name__ == "__main__":
    main(*sys.argv[1:])

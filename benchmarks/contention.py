"""Builders that claim concurrently: each is a process of its own, with a clone of its own."""

from __future__ import annotations

import multiprocessing
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from benchmarks.figures import spread
from benchmarks.remotes import bare_repository, commits_on_main
from coordination_tasks.domain.errors import NothingToClaim
from coordination_tasks.domain.model import BuilderProfile, Job
from coordination_tasks.repository.draft import Draft
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.store.operations.queue import enqueue
from coordination_tasks.store.store import Store

FORK = multiprocessing.get_context("fork")
PIPELINES = {"sample": ()}
_PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim: who got which job, and the seconds from asking to having it."""

    builder: str
    job: str
    token: int
    seconds: float
    at: float


def fill(url: str, cache: Path, jobs: int) -> None:
    """A queue of `jobs` in one go."""
    with GitRepository(url, cache, author="filler") as repository:
        store = Store(repository, BuilderProfile(id="filler"))
        now = datetime.now(UTC).replace(microsecond=0)

        def enqueue_all(draft: Draft) -> None:
            for number in range(jobs):
                job = Job(id=f"job_{number:04}", pipeline="sample", commit="a" * 40)
                enqueue(draft, job, now=now)

        store.change(enqueue_all, queue=True)


def measure(folder: Path, processes: int, jobs: int, each: int | None) -> dict[str, Any]:
    """`processes` claim from a queue of `jobs`: `each` claims apiece, or (None) until it is empty.

    Their clones are made before the queue is filled: nobody knows its newest version.
    """
    remote = bare_repository(folder / f"claims-{processes}-{each}.git")
    fill(str(remote), folder / f"filler-{processes}-{each}", 1)
    barrier = FORK.Barrier(processes + 1)
    answers: multiprocessing.Queue[list[Claim]] = FORK.Queue()
    builders = [
        FORK.Process(
            target=_build,
            args=(str(remote), folder / f"{remote.stem}-{n}", n, each, barrier, answers),
        )
        for n in range(processes)
    ]
    for builder in builders:
        builder.start()
    barrier.wait(_PATIENCE)
    fill(str(remote), folder / f"filler-{processes}-{each}", jobs)
    before = commits_on_main(remote)
    barrier.wait(_PATIENCE)
    began = time.perf_counter()
    claims = [claim for _ in builders for claim in answers.get(timeout=_PATIENCE)]
    for builder in builders:
        builder.join()
    wall = max(claim.at for claim in claims) - began
    held = Counter(claim.job for claim in claims)
    return {
        "processes": processes,
        "claims": len(claims),
        "double_claims": sum(count - 1 for count in held.values()),
        "all_after_s": round(wall, 3),
        "claims_per_s": round(len(claims) / wall, 2),
        "commits": commits_on_main(remote) - before,
        **spread([claim.seconds for claim in claims]),
        "most_and_fewest_of_a_builder": _extremes(claims, processes),
    }


def _build(
    url: str, cache: Path, number: int, each: int | None, barrier: Barrier, answers: Any
) -> None:
    name = f"build{number}"
    claims: list[Claim] = []
    with GitRepository(url, cache, author=name, timeout=_PATIENCE) as repository:
        store = Store(repository, BuilderProfile(id=name))
        store.jobs()
        barrier.wait(_PATIENCE)
        barrier.wait(_PATIENCE)
        while each is None or len(claims) < each:
            began = time.perf_counter()
            try:
                attempt = store.claim(claim_id=uuid.uuid4().hex, pipelines=PIPELINES)
            except NothingToClaim:
                break
            now = time.perf_counter()
            claims.append(Claim(name, attempt.job.id, attempt.token, now - began, now))
    answers.put(claims)


def _extremes(claims: list[Claim], processes: int) -> list[int]:
    by_builder = Counter(claim.builder for claim in claims)
    counts = [by_builder[f"build{n}"] for n in range(processes)]
    return [max(counts), min(counts)]

"""Builders that write at random moments, even if the previous write has not ended."""

from __future__ import annotations

import multiprocessing
import random
import time
from contextlib import AbstractContextManager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from benchmarks.figures import spread
from benchmarks.remotes import bare_repository, commits_on_main
from benchmarks.transactions import builder, claim, job, step
from coordination_tasks.domain.model import Attempt
from coordination_tasks.store.store import Store

FORK = multiprocessing.get_context("fork")
_PATIENCE = 600.0


def measure(
    folder: Path, builders: int, per_second: float, seconds: float, seed: int
) -> dict[str, Any]:
    """`builders` record steps of their jobs, `per_second` in total, at random moments.

    A latency counts from the moment when the step ended: a write that waits for the one before it
    waits as well.
    """
    remote = bare_repository(folder / "open-loop.git")
    attempts = [_attempt(str(remote), folder, number) for number in range(builders)]
    plans = _plans(builders, per_second, seconds, seed)
    barrier = FORK.Barrier(builders)
    answers: multiprocessing.Queue[list[float]] = FORK.Queue()
    processes = [
        FORK.Process(target=_build, args=(str(remote), folder, attempt, plan, barrier, answers))
        for attempt, plan in zip(attempts, plans, strict=True)
    ]
    before = commits_on_main(remote)
    for process in processes:
        process.start()
    latencies = [latency for _ in processes for latency in answers.get(timeout=_PATIENCE)]
    for process in processes:
        process.join()
    return {
        "builders": builders,
        "asked_per_s": per_second,
        "seconds": seconds,
        "seed": seed,
        "transactions": len(latencies),
        "commits": commits_on_main(remote) - before,
        **spread(latencies),
    }


def _plans(builders: int, per_second: float, seconds: float, seed: int) -> list[list[float]]:
    """The moments of each builder's writes, in seconds from the start."""
    lot = random.Random(seed)
    plans: list[list[float]] = [[] for _ in range(builders)]
    at = lot.expovariate(per_second)
    while at < seconds:
        lot.choice(plans).append(at)
        at += lot.expovariate(per_second)
    return plans


def _attempt(url: str, folder: Path, number: int) -> Attempt:
    with _builder(url, folder, f"build{number}") as store:
        store.enqueue(job(f"job_{number}"))
        return claim(store)


def _build(
    url: str, folder: Path, attempt: Attempt, plan: list[float], barrier: Barrier, answers: Any
) -> None:
    latencies = []
    with _builder(url, folder, attempt.builder) as store:
        store.jobs()
        barrier.wait(_PATIENCE)
        began = time.perf_counter()
        for count, at in enumerate(plan):
            time.sleep(max(0.0, began + at - time.perf_counter()))
            store.record(attempt, step(attempt, f"s{count}"))
            latencies.append(time.perf_counter() - began - at)
    answers.put(latencies)


def _builder(url: str, folder: Path, name: str) -> AbstractContextManager[Store]:
    return builder(url, folder / f"open-{name}", name)

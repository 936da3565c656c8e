"""A repository with a history of many jobs: its size, and the time of a transaction in it."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.fast_import import FastImport
from benchmarks.figures import spread
from benchmarks.remotes import bare_repository, commits_on_main, git
from benchmarks.transactions import PIPELINES, builder, claim, job, step, timed_record
from common.states import State
from coordination_tasks.documents.retention import Ages
from coordination_tasks.domain.model import BuilderProfile
from coordination_tasks.farm.housekeeping import Housekeeping
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.store import Store

BUILDERS = 10
STEPS = 4
TRANSITIONS_OF_A_JOB = 2 * STEPS + 2
JOBS_A_DAY = 28
AGES = Ages(jobs=timedelta(days=30), messages=timedelta(days=30), logs=timedelta(days=7))
"""What `doit housekeeping` leaves when nothing else is configured."""
_HOUSEKEEPING_EVERY = JOBS_A_DAY


def measure(folder: Path, jobs: int, rounds: int) -> dict[str, Any]:
    """Transactions by turns in an empty repository and in one that has seen `jobs` finished jobs.

    Housekeeping was done daily there, so the last month's jobs are still in the queue's document.
    """
    remotes = {name: bare_repository(folder / f"{name}.git") for name in ("empty", "grown")}
    began = time.perf_counter()
    grow(remotes["grown"], jobs)
    took = time.perf_counter() - began
    fresh = _bytes(remotes["grown"])
    git(remotes["grown"], "gc", "--quiet")
    size = _bytes(remotes["grown"])
    left = _jobs_left(remotes["grown"])
    commits = commits_on_main(remotes["grown"])
    figures = _by_turns(folder, remotes, rounds)
    medians = {
        kind: {name: statistics.median(seconds) for name, seconds in by_name.items()}
        for kind, by_name in figures.items()
    }
    return {
        "jobs": jobs,
        "transitions": jobs * TRANSITIONS_OF_A_JOB,
        "jobs_still_in_queue_document": left,
        "commits": commits,
        "made_in_s": round(took, 1),
        "megabytes_before_gc": round(fresh / 1e6, 1),
        "megabytes": round(size / 1e6, 1),
        "bytes_a_job": round(size / jobs),
        "record": {name: spread(seconds) for name, seconds in figures["record"].items()},
        "enqueue": {name: spread(seconds) for name, seconds in figures["enqueue"].items()},
        "first_contact_s": {name: round(s[0], 2) for name, s in figures["first"].items()},
        "ratio_record": round(medians["record"]["grown"] / medians["record"]["empty"], 2),
        "ratio_enqueue": round(medians["enqueue"]["grown"] / medians["enqueue"]["empty"], 2),
    }


def grow(remote: Path, jobs: int) -> None:
    """Builders make `jobs` jobs, spread over the time before now, with daily housekeeping."""
    now = datetime.now(UTC) - timedelta(days=1) * (jobs / JOBS_A_DAY)

    def clock() -> datetime:
        return now

    with FastImport(remote, clock) as repository:
        stores = [
            Store(repository, BuilderProfile(id=f"build{n}"), clock=clock) for n in range(BUILDERS)
        ]
        for number in range(jobs):
            store = stores[number % BUILDERS]
            _make(store, f"job_{int(now.timestamp())}_{number:05}", clock)
            now += timedelta(days=1) / JOBS_A_DAY
            if number % _HOUSEKEEPING_EVERY == 0:
                _keep_house(store, now)
        _keep_house(stores[0], now)


def _make(store: Store, job_id: str, clock: Callable[[], datetime]) -> None:
    """The five commits of a job."""
    store.enqueue(job(job_id))
    attempt = store.claim(claim_id=f"{job_id}-1", pipelines=PIPELINES)
    steps = [step(attempt, f"step{n}", clock()) for n in range(STEPS)]
    store.record(attempt, steps[0])
    store.record(attempt, steps[1])
    last = tuple(transition for pair in steps[2:] for transition in pair)
    done = Completion(
        state=State.SUCCEEDED,
        reason="all steps succeeded",
        manifest=_manifest(job_id),
        artifacts=("cloudstack-agent_4.21_all.deb",),
        transitions=last,
    )
    store.complete(attempt, done)


def _manifest(job_id: str) -> bytes:
    artifacts = [
        {"name": f"package-{n}_4.21_all.deb", "size": 1234567, "job": job_id} for n in range(8)
    ]
    return json.dumps({"job": job_id, "artifacts": artifacts}, indent=2).encode()


def _keep_house(store: Store, now: datetime) -> None:
    Housekeeping(store=store, ages=AGES, now=now, notice=_fail).run()


def _fail(line: str) -> None:
    raise AssertionError(line)


def _by_turns(
    folder: Path, remotes: dict[str, Path], rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Seconds of transactions: kind -> repository -> each."""
    figures: dict[str, dict[str, list[float]]] = {
        kind: {name: [] for name in remotes} for kind in ("first", "record", "enqueue")
    }
    lanes = [
        (name, _lane(str(remote), folder / f"cache-{name}", figures, name, rounds))
        for name, remote in remotes.items()
    ]
    for _ in range(rounds + 1):
        for _, lane in lanes:
            next(lane)
    for _, lane in lanes:
        lane.close()
    return figures


def _lane(
    url: str, cache: Path, figures: dict[str, dict[str, list[float]]], name: str, rounds: int
) -> Generator[None]:
    with builder(url, cache) as store:
        began = time.perf_counter()
        store.jobs()
        figures["first"][name].append(time.perf_counter() - began)
        store.enqueue(job("probe"))
        attempt = claim(store, "probe")
        yield
        for number in range(rounds):
            figures["record"][name].append(timed_record(store, attempt, f"s{number}"))
            began = time.perf_counter()
            store.enqueue(job(f"job_{int(time.time())}_{number:04}"))
            figures["enqueue"][name].append(time.perf_counter() - began)
            yield


def _jobs_left(remote: Path) -> int:
    document = json.loads(git(remote, "show", "main:coordination/jobs.json"))
    return len(document["jobs"])


def _bytes(remote: Path) -> int:
    return sum(path.stat().st_size for path in remote.rglob("*") if path.is_file())

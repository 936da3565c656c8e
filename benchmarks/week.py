"""A farm's week, with a clock that jumps: triggers start jobs, builders die, the remote goes away.

`python -m benchmarks.week [--jobs N] [--days N] [--minutes M] [--seed N]`. Store, triggers,
presence, housekeeping, alerts, outbox and push budget are the program's own, on a real Git
repository; only heartbeats are in memory, steps are records, and one turn of a builder follows
another. It stops after `--minutes`, and its figures say how much of the week that was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.maven_builds import machine
from benchmarks.remotes import bare_repository, commits_on_main, git
from benchmarks.week_builder import EVERY, PUSHES_PER_MINUTE, Builder
from benchmarks.week_world import Clock, Shared
from common.states import UNFINISHED, State
from coordination_tasks.documents.codec import job_from
from coordination_tasks.documents.paths import ARCHIVE
from coordination_tasks.domain.model import BuilderProfile, Job
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store

RESULTS = Path(__file__).parent / "results" / "week.json"
BUILDERS, JOBS, DAYS, OUTAGES = 4, 2_000, 7, 2
DEAD_FOR, AWAY_FOR = timedelta(hours=6), timedelta(minutes=90)
BRANCHES = 24
LONGEST_REST = timedelta(days=2)
MOST_COMMITS_A_JOB = 5.0
"""Limit, without old neighbours."""

Plan = tuple[datetime, Callable[[], None]]


@dataclass
class Week:
    """The farm, and what happens to it."""

    farm: Shared
    pushed: list[str] = field(default_factory=list)
    """Commits of the source, each the tip of its branch for hours."""
    deaths: int = 0
    outages: int = 0
    events: list[Plan] = field(default_factory=list)
    repairs: list[Plan] = field(default_factory=list)
    """What ends a death or an outage."""

    def __post_init__(self) -> None:
        self.clock = self.farm.clock
        self.builders = [Builder(f"build{n}", self.farm) for n in range(1, BUILDERS + 1)]
        for builder in self.builders:
            builder.start()
            builder.turn()

    def plan(self, jobs: int, days: float) -> None:
        """Set the times of pushes, deaths and outages; schedules make the other jobs."""
        begin, minutes = self.clock.now, days * 1440
        pushes = max(1, jobs - 2 * int(days * 24))
        for n in range(pushes):
            commit = hashlib.sha1(str(n).encode()).hexdigest()
            at = begin + timedelta(minutes=10 + n * (minutes - 20) / pushes)
            self.events.append((at, lambda n=n, c=commit: self._push(n, c)))  # type: ignore[misc]
        for day in range(int(days)):
            minute = self.farm.chance.randrange(240, 960)
            self.events.append((begin + timedelta(days=day, minutes=minute), self._die))
        for n in range(OUTAGES if days >= 1 else 0):
            self.events.append((begin + timedelta(days=days * (n + 1) / 3), self._go_away))
        self.events.sort(key=lambda event: event[0])

    def run(self, until: datetime, deadline: float, done: Callable[[], bool]) -> None:
        """Turn after turn until then, or until it is `done`, or the time is over."""
        while self.clock.now < until and time.monotonic() < deadline and not done():
            for plans in (self.events, self.repairs):
                while plans and plans[0][0] <= self.clock.now:
                    plans.pop(0)[1]()
            for builder in self.builders:
                self.clock.now += timedelta(seconds=EVERY / BUILDERS)
                builder.turn()

    def _push(self, number: int, commit: str) -> None:
        self.farm.refs.branches[f"topic-{number % BRANCHES}"] = commit
        self.pushed.append(commit)

    def _die(self) -> None:
        """A builder dies, if possible one with a job, and comes back later."""
        alive = [builder for builder in self.builders if builder.is_alive]
        victim = self.farm.chance.choice([each for each in alive if each.attempt] or alive)
        victim.die()
        self.deaths += 1
        self._later(DEAD_FOR, victim.start)

    def _go_away(self) -> None:
        remote, away = self.farm.remote, self.farm.remote.with_suffix(".away")
        remote.rename(away)
        self.outages += 1

        def come_back() -> None:
            away.rename(remote)

        self._later(AWAY_FOR, come_back)

    def _later(self, after: timedelta, act: Callable[[], None]) -> None:
        self.repairs.append((self.clock.now + after, act))
        self.repairs.sort(key=lambda event: event[0])


def measure(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """The figures of one week."""
    remote = bare_repository(folder / "farm.git")
    week = Week(Shared(folder, remote, Clock(), random.Random(given.seed)))
    begin, began = week.clock.now, time.monotonic()
    deadline = began + given.minutes * 60
    week.plan(given.jobs, given.days)
    week.run(begin + timedelta(days=given.days), deadline, lambda: False)
    simulated = week.clock.now - begin
    week.events.clear()
    with GitRepository(str(remote), folder / "reader", author="reader") as repository:
        reader = Store(repository, BuilderProfile(id="reader"))
        rest = week.clock.now + LONGEST_REST
        week.run(rest, deadline + 300, lambda: not week.repairs and _is_idle(week, reader))
        minutes = (week.clock.now - begin) / timedelta(minutes=1)
        facts = _facts(week, reader.snapshot(), minutes)
    return {
        "seed": given.seed,
        "days": round(simulated / timedelta(days=1), 2),
        "took_s": round(time.monotonic() - began, 1),
        **facts,
        "commits_on_main": commits_on_main(remote),
        "commits_a_job": {
            what: round(count / facts["jobs"], 2) for what, count in _commits(remote).items()
        },
    }


def _commits(remote: Path) -> Counter[str]:
    """How many commits are about jobs, alerts and the archive."""
    subjects = git(remote, "log", "--format=%s", "main").splitlines()
    return Counter(
        "alerts" if "of alerts" in each else "archive" if ": archive " in each else "jobs"
        for each in subjects
    )


def _is_idle(week: Week, reader: Store) -> bool:
    """Whether nothing is left to do, not even an hourly job's check."""
    if any(builder.attempt for builder in week.builders):
        return False
    return not any(job.state in UNFINISHED for job in reader.jobs())


def _facts(week: Week, snapshot: Snapshot, minutes: float) -> dict[str, Any]:
    jobs = [*_archived(snapshot), *snapshot.jobs()]
    by_commit = Counter(job.commit for job in jobs if job.pipeline == "app")
    ids, ends = Counter(job.id for job in jobs), _ends(snapshot, jobs)
    counts = (*ids.values(), *by_commit.values(), *ends.values())
    told = week.farm.told.notices
    pushes = sum(len(builder.pushes) for builder in week.builders)
    return {
        "jobs": len(jobs),
        "by_state": dict(Counter(str(job.state) for job in jobs)),
        "deaths": week.deaths,
        "attempts_lost": sum(max(0, job.attempt - 1) for job in jobs),
        "outages": week.outages,
        "lost": sum(job.state in UNFINISHED for job in jobs)
        + sum(not by_commit[commit] for commit in week.pushed),
        "doubled": sum(count > 1 for count in counts),
        "alerts_by_kind": dict(Counter(kind for _, kind, is_over in told if not is_over)),
        "alerts_repeated": _repeated(told),
        "alert_messages": week.farm.told.messages,
        "pushes": pushes,
        "pushes_a_minute_and_builder": round(pushes / BUILDERS / minutes, 2),
        "most_pushes_in_a_minute": max(builder.most_pushes_a_minute for builder in week.builders),
    }


def _archived(snapshot: Snapshot) -> Iterator[Job]:
    for month in snapshot.names(ARCHIVE):
        folder = f"{ARCHIVE}/{month}/jobs"
        for name in snapshot.names(folder):
            for line in (snapshot.read(f"{folder}/{name}") or b"").splitlines():
                yield job_from(json.loads(line))


def _ends(snapshot: Snapshot, jobs: list[Job]) -> Counter[str]:
    """How many ends each job has recorded."""
    moves = (move for job in jobs for move in snapshot.transitions(job.id))
    ends = (State.SUCCEEDED, State.FAILED)
    return Counter(move.job for move in moves if move.step is None and move.to_state in ends)


def _repeated(told: list[tuple[str, str, bool]]) -> int:
    """Notices of a cause that was told and is not over, or of an end that was told."""
    last: dict[str, bool] = {}
    found = 0
    for key, _, is_over in told:
        found += last.get(key, True) == is_over
        last[key] = is_over
    return found


def main() -> int:
    """0 when all limits are kept, 1 when not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--days", type=float, default=DAYS)
    parser.add_argument("--minutes", type=float, default=15.0, help="of real time")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    where = machine()
    with tempfile.TemporaryDirectory(prefix="week-") as folder:
        figures = {**where, **measure(Path(folder), given)}
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))
    limits = {
        "lost": (figures["lost"], 0),
        "doubled": (figures["doubled"], 0),
        "alerts told twice": (figures["alerts_repeated"], 0),
        "commits a job, without alerts": (figures["commits_a_job"]["jobs"], MOST_COMMITS_A_JOB),
        "pushes a minute and builder": (figures["pushes_a_minute_and_builder"], PUSHES_PER_MINUTE),
    }
    for name, (found, most) in limits.items():
        print(f"{'kept' if found <= most else 'missed'}: {name}: {found}, at most {most}")
    return 0 if all(found <= most for found, most in limits.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

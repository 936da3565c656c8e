"""The cost of the commands that people look with, on a large farm, in processor time.

    python -m benchmarks.large_farm [--rounds N] [--jobs N] [--builders N]

A farm of 200 builders and 5,000 jobs (4,000 have ended, 900 wait, 100 run) on a file remote in a
temporary folder. In each of N rounds (5) every builder sends a heartbeat, and then the commands run
one after the other. Figures are medians of seconds of processor time, user and system, with the
processes that a command starts. They go to benchmarks/results/large_farm.json with machine, date
and load, and to stdout with each limit: kept or missed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.maven_builds import machine
from benchmarks.remotes import bare_repository
from common.states import State
from coordination_tasks.documents import json_edit
from coordination_tasks.documents.builder_status import (
    BUILDING,
    StatusChange,
    current_job,
    heartbeat_data,
    status_data,
)
from coordination_tasks.documents.codec import job_members
from coordination_tasks.documents.paths import JOBS, heartbeat_path, status_path
from coordination_tasks.domain.model import BuilderProfile, Job
from coordination_tasks.domain.timestamps import utc_now

HOME = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "large_farm.json"
LIMIT = 1.0
"""Seconds of processor time of each command."""
COMMANDS = ("status", "jobs", "explain", "status --json", "jobs --json", "jobs --limit 20")
ENDED, WAITING = 0.8, 0.18
"""Parts of all jobs; the others run."""


class LargeFarm:
    """Files as a real farm has them, made without its builders."""

    def __init__(self, folder: Path, jobs: int, builders: int) -> None:
        self._remote = bare_repository(folder / "coordination.git")
        self._folder = folder
        now = utc_now()
        self._builders = [
            BuilderProfile(id=f"build{n}", heartbeats_at=f"heartbeat-build{n}", lease=300.0)
            for n in range(builders)
        ]
        self._jobs = list(_jobs(jobs, builders, now))
        self._running = {job.assigned_to: job for job in self._jobs if job.state is State.RUNNING}
        files = {JOBS: self._queue()}
        for builder in self._builders:
            files |= self._files_of(builder, now)
        self._import({"main": files})
        (folder / "pipelines.yaml").write_text(
            "pipelines:\n  cloudstack:\n    description: d\n    source: {repository: ./none.git}\n"
            "    steps: [{uses: git-checkout}]\n"
        )
        (folder / "builder.yaml").write_text(
            "builder: build0\ncoordination_repository: ./coordination.git\nstate_dir: ./state\n"
            "pipelines_file: ./pipelines.yaml\n"
        )

    def beat(self) -> None:
        """A new heartbeat of each builder."""
        now = utc_now()
        self._import({b.heartbeats_at: self._files_of(b, now) for b in self._builders})

    def change_status(self, number: int) -> None:
        """A commit on main: another status of one builder, by its number."""
        files = self._files_of(self._builders[number], utc_now())
        self._append({path: data for path, data in files.items() if path.endswith("status.json")})

    def change_job(self, number: int) -> None:
        """A commit on main: the job of this number has failed for another reason."""
        self._jobs[number] = replace(self._jobs[number], state=State.FAILED, reason="disk full")
        self._append({JOBS: self._queue()})

    @property
    def environment(self) -> dict[str, str]:
        """Of the commands of this farm."""
        return {**os.environ, "BUILDER_CONFIG": str(self._folder / "builder.yaml")}

    def cpu(self, line: str) -> float:
        """Seconds of processor time of `doit LINE`."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "doit", *line.split()],
            check=True,
            cwd=HOME,
            env=self.environment,
            stdout=subprocess.DEVNULL,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    def _files_of(self, builder: BuilderProfile, now: datetime) -> dict[str, bytes]:
        job = self._running.get(builder.id)
        change = (
            StatusChange(status=BUILDING, current_job={**current_job(job), "steps": ["maven"]})
            if job
            else StatusChange(status="idle")
        )
        return {
            status_path(builder.id): status_data(None, builder, change, now=now, load=None),
            heartbeat_path(builder.id): heartbeat_data(None, builder, now=now, load=None),
        }

    def _queue(self) -> bytes:
        document = {"jobs": [job_members(job) for job in self._jobs], "metadata": {}}
        return json_edit.dump(document).encode()

    def _append(self, files: Mapping[str, bytes]) -> None:
        self._run(_commit("main", files, after="from refs/heads/main^0\n"))

    def _import(self, branches: Mapping[str, Mapping[str, bytes]]) -> None:
        self._run(b"".join(_commit(branch, files) for branch, files in branches.items()))

    def _run(self, stream: bytes) -> None:
        subprocess.run(
            ["git", "fast-import", "--quiet", "--force"],
            input=stream,
            check=True,
            cwd=self._remote,
        )


def _jobs(number: int, builders: int, now: datetime) -> Iterator[Job]:
    ended, waiting = int(number * ENDED), int(number * WAITING)
    for n in range(number):
        at = now - timedelta(minutes=number - n)
        job = Job(
            id=f"job_{int(at.timestamp())}_{n:04}",
            pipeline="cloudstack",
            branch=f"feature/{n % 50}",
            commit=f"{n:040x}",
            created_at=at,
        )
        yield _moved(job, n, ended, waiting, builders)


def _moved(job: Job, n: int, ended: int, waiting: int, builders: int) -> Job:
    began = replace(job, assigned_to=f"build{n % builders}", attempt=1, token=1, claim_id=f"c{n}")
    if n < ended:
        failed = n % 7 == 0
        return replace(
            began,
            state=State.FAILED if failed else State.SUCCEEDED,
            reason="step maven: 2 tests failed in cloud-server"
            if failed
            else "all steps succeeded",
            started_at=job.created_at,
            completed_at=job.created_at,
            duration_seconds=1234.5,
        )
    if n < ended + waiting:
        return job
    return replace(began, state=State.RUNNING, started_at=job.created_at)


def _commit(branch: str, files: Mapping[str, bytes], after: str = "") -> bytes:
    reset = "" if after else f"reset refs/heads/{branch}\n"
    head = f"{reset}commit refs/heads/{branch}\n"
    who = f"committer b <b@localhost> {time.time_ns() // 10**9} +0000\n"
    text = f"{time.time_ns()}"
    parts = [f"{head}{who}data {len(text)}\n{text}\n{after}".encode()]
    for path, data in files.items():
        parts.append(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data))
    return b"".join(parts)


def measure(rounds: int, jobs: int, builders: int) -> dict[str, Any]:
    """Seconds of each command, with machine, date and load."""
    where = machine()
    with tempfile.TemporaryDirectory(prefix="large-farm-") as folder:
        farm = LargeFarm(Path(folder), jobs, builders)
        for command in COMMANDS:  # the first contact, and Python's bytecode
            farm.cpu(command)
        found: list[dict[str, float]] = []
        for _ in range(rounds):
            farm.beat()
            found.append({command: farm.cpu(command) for command in COMMANDS})
    return {
        **where,
        "rounds": rounds,
        "jobs": jobs,
        "builders": builders,
        "seconds": {
            command: round(statistics.median(each[command] for each in found), 3)
            for command in COMMANDS
        },
    }


def main() -> int:
    """0 when all limits are kept, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--builders", type=int, default=200)
    given = parser.parse_args()
    figures = measure(given.rounds, given.jobs, given.builders)
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))
    for command, seconds in figures["seconds"].items():
        print(
            f"{'kept' if seconds <= LIMIT else 'missed'}: {command} {seconds} s, at most {LIMIT} s"
        )
    return 1 if any(seconds > LIMIT for seconds in figures["seconds"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Reads every version of a coordination repository, and finds what must never have happened."""

from __future__ import annotations

import json
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.states import State
from coordination_tasks.documents.jobs import JobsDocument
from coordination_tasks.documents.paths import JOBS, TRANSITIONS
from coordination_tasks.documents.transitions import TransitionLog
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.domain.state_machine import JOB_TRANSITIONS, STEP_TRANSITIONS

_GONE = "0" * 40


@dataclass
class Audit:
    """What a history holds, and what is wrong with it."""

    repository: Path
    wrong: list[str] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    claims: dict[tuple[str, int], str] = field(default_factory=dict)
    """(job, fencing token) -> claim id."""
    logs: dict[str, TransitionLog] = field(default_factory=dict)
    commits: int = 0

    def run(self) -> Audit:
        """Look at all versions, from the first to the last."""
        with _Blobs(self.repository) as blobs:
            for commit, parents, changes in _history(self.repository):
                self.commits += 1
                if parents > 1:
                    self.wrong.append(f"{commit} is a merge")
                for path, blob in changes:
                    data = None if blob == _GONE else blobs.read(blob)
                    self._look_at(f"{commit[:8]} {path}", path, data)
        for path, log in self.logs.items():
            self._check_steps(path, log)
        return self

    def transitions(self) -> Iterator[Transition]:
        """All that are recorded."""
        for log in self.logs.values():
            yield from log.transitions

    def _look_at(self, where: str, path: str, data: bytes | None) -> None:
        if data is None:
            self.wrong.append(f"{where} was deleted")
        elif path == JOBS:
            self._look_at_jobs(where, data)
        elif path.startswith(TRANSITIONS):
            self._look_at_log(where, path, data)
        elif path.endswith(".json"):
            self._parse(where, data)

    def _parse(self, where: str, data: bytes) -> Any:
        try:
            return json.loads(data)
        except ValueError as error:
            self.wrong.append(f"{where} is broken: {error}")
            return None

    def _look_at_jobs(self, where: str, data: bytes) -> None:
        document = JobsDocument(data)
        self.wrong += [f"{where}: {problem}" for problem in document.unreadable()]
        found = {job.id: job for job in document}
        self.wrong += [f"{where}: job {name} is gone" for name in self.jobs.keys() - found.keys()]
        held = Counter(job.claim_id for job in found.values() if job.state is State.RUNNING)
        doubled = [claim_id for claim_id, count in held.items() if count > 1]
        self.wrong += [f"{where}: claim {claim_id} holds two jobs" for claim_id in doubled]
        for job in found.values():
            self._compare(where, self.jobs.get(job.id), job)
        self.jobs = found

    def _compare(self, where: str, before: Job | None, job: Job) -> None:
        if before is None:
            if job.state is not State.QUEUED:
                self.wrong.append(f"{where}: job {job.id} began as {job.state}")
            return
        if job.token < before.token:
            self.wrong.append(f"{where}: the token of job {job.id} went back")
        if job.state != before.state and job.state not in JOB_TRANSITIONS[before.state]:
            self.wrong.append(f"{where}: job {job.id} went from {before.state} to {job.state}")
        held = (job.assigned_to, job.attempt, job.claim_id)
        if job.token == before.token and held != (
            before.assigned_to,
            before.attempt,
            before.claim_id,
        ):
            self.wrong.append(f"{where}: job {job.id} changed hands without a new token")
        if job.state is State.RUNNING and before.state is not State.RUNNING:
            if job.attempt != before.attempt + 1:
                self.wrong.append(f"{where}: job {job.id} made attempt {job.attempt} of nothing")
            self.claims[job.id, job.token] = str(job.claim_id)
        elif job.state is State.RUNNING and job.token != before.token:
            self.wrong.append(f"{where}: job {job.id} was claimed twice")

    def _look_at_log(self, where: str, path: str, data: bytes) -> None:
        log = TransitionLog(data)
        self.wrong += [f"{where}: {problem}" for problem in log.unreadable]
        old = self.logs.get(path)
        if old is not None and not data.startswith(old.data):
            self.wrong.append(f"{where}: what was recorded has changed")
        self.logs[path] = log

    def _check_steps(self, path: str, log: TransitionLog) -> None:
        states: dict[str, State] = defaultdict(lambda: State.QUEUED)
        for made in log.transitions:
            if made.step is None:
                continue
            before = states[made.step]
            legal = made.to_state in STEP_TRANSITIONS.get(before, frozenset())
            if made.from_state is not before or not legal:
                self.wrong.append(f"{path}: {made.step} went from {before} to {made.to_state}")
            states[made.step] = made.to_state


def _history(repository: Path) -> Iterator[tuple[str, int, list[tuple[str, str]]]]:
    """(commit, number of parents, [(path, blob)]) of all commits, the oldest first."""
    command = ["log", "--reverse", "--root", "--raw", "--no-abbrev", "--no-renames", "-z"]
    done = subprocess.run(
        ["git", "-C", str(repository), *command, "--format=%x01%H %P", "main"],
        check=True,
        capture_output=True,
        text=True,
    )
    for entry in done.stdout.split("\1")[1:]:
        head, *rest = entry.split("\0")
        commit, *parents = head.split()
        fields = [part.strip("\n") for part in rest if part.strip("\n")]
        changes = [
            (path, raw.split()[3]) for raw, path in zip(fields[::2], fields[1::2], strict=True)
        ]
        yield commit, len(parents), changes


class _Blobs:
    """Reads blobs through one process."""

    def __init__(self, repository: Path) -> None:
        self._process = subprocess.Popen(
            ["git", "-C", str(repository), "cat-file", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> _Blobs:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def read(self, blob: str) -> bytes:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(blob.encode() + b"\n")
        self._process.stdin.flush()
        size = int(self._process.stdout.readline().split()[2])
        return self._process.stdout.read(size + 1)[:size]

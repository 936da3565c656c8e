"""What the tests of the store share: jobs, transitions, and several users of one remote."""

from __future__ import annotations

import itertools
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from common.states import State
from coordination_tasks.domain.model import Attempt, BuilderProfile, Job, Transition
from coordination_tasks.domain.scheduling import Wanted
from coordination_tasks.farm.control import Control
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.repository.memory import MemoryRemote, MemoryRepository
from coordination_tasks.repository.protocol import Repository, Version
from coordination_tasks.repository.transaction import Pace
from coordination_tasks.store.operations.combined_claim import ClaimRequest
from coordination_tasks.store.store import Store

NOON = datetime(2025, 10, 29, 12, 0, 0, tzinfo=UTC)
PIPELINES: dict[str, tuple[str, ...]] = {"sample": ()}


class Clock:
    """A wall clock, and a monotonic one, that move only when somebody sleeps or moves them."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return (self.now - NOON).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    @property
    def pace(self) -> Pace:
        return Pace(sleep=self.sleep, uniform=lambda _, most: most, monotonic=self.monotonic)


@dataclass
class World:
    """One remote; `user` gives another Repository on it, with nothing in common but the remote."""

    make: Callable[[str], Repository]
    clock: Clock = field(default_factory=Clock)
    notices: list[str] = field(default_factory=list)
    opened: list[Repository] = field(default_factory=list)

    def user(self, name: str = "build1") -> Repository:
        repository = self.make(name)
        self.opened.append(repository)
        return repository

    def store(self, name: str = "build1", **labels: str) -> Store:
        return self.store_on(self.user(name), name, **labels)

    def store_on(self, repository: Repository, name: str = "build1", **labels: str) -> Store:
        return Store(
            repository,
            BuilderProfile(id=name, ip="10.0.0.1", manager="Ann", labels=labels),
            clock=self.clock,
            pace=self.clock.pace,
            notice=self.notices.append,
        )

    def write(self, path: str, text: str) -> Version:
        """What another program leaves in the repository."""
        return self.write_all({path: text.encode()})

    def write_all(self, files: dict[str, bytes]) -> Version:
        other = self.user("somebody")
        return other.push_if_unchanged(other.fetch(), files, "by another program")

    def text(self, path: str) -> str:
        reader = self.user("reader")
        data = reader.read(reader.fetch(), path)
        assert data is not None, path
        return data.decode()

    def close(self) -> None:
        for repository in self.opened:
            repository.close()


def memory_world() -> World:
    remote = MemoryRemote()
    return World(lambda _: MemoryRepository(remote))


def git_world(folder: Path, url: str) -> World:
    caches = (folder / f"cache{number}" for number in itertools.count())
    return World(lambda name: GitRepository(url, next(caches), author=name, timeout=30.0))


def bare_repository(path: Path) -> Path:
    git(path.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(path))
    return path


def control(store: Store, person: str = "ann") -> Control:
    """What a person does through this store, at NOON."""
    return Control(store, person, clock=lambda: NOON)


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@contextmanager
def closing(world: World) -> Iterator[World]:
    try:
        yield world
    finally:
        world.close()


def job(job_id: str = "job_1", pipeline: str | None = "sample", **values: object) -> Job:
    return Job(id=job_id, pipeline=pipeline, branch="main", **values)  # type: ignore[arg-type]


def claim(store: Store, job_id: str | None = None) -> Attempt:
    return store.claim(claim_id=uuid.uuid4().hex, pipelines=PIPELINES, job_id=job_id)


def leave_request(repository: Repository, builder: str, claim_id: str) -> None:
    """What a builder leaves that has lost the race for a claim."""
    request = ClaimRequest(
        claim_id=claim_id, builder=BuilderProfile(id=builder), wanted=Wanted(pipelines=PIPELINES)
    )
    repository.fetch()
    repository.leave_note(builder, request.data)


def transition(
    attempt: Attempt, step: str | None, before: State, after: State, own_id: str = ""
) -> Transition:
    return Transition(
        id=own_id or uuid.uuid4().hex,
        job=attempt.job.id,
        attempt=attempt.number,
        token=attempt.token,
        builder=attempt.builder,
        step=step,
        from_state=before,
        to_state=after,
        at=NOON,
        reason="because",
    )


def began(attempt: Attempt, step: str, own_id: str = "") -> Transition:
    return transition(attempt, step, State.QUEUED, State.RUNNING, own_id)


def ended(attempt: Attempt, step: str, own_id: str = "") -> Transition:
    return transition(attempt, step, State.RUNNING, State.SUCCEEDED, own_id)


def clone_in(cache: Path) -> Path:
    """The clone that is used now of a repository's cache."""
    [current] = cache.glob("*/current")
    return current.parent / current.read_text()

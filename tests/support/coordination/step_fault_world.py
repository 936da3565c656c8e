"""The world of the fault test of steps in flight: three real builders, each with its transport.

They run `doit build` again and again, with steps that live for seconds. Killed are: a builder, a
step, a git of a builder, and what serves somebody at the remote.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import psutil

from common.states import State
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.domain.model import BuilderProfile, Job
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.store.store import Store
from tests.conftest import HOME, PATIENCE, Farm, await_that
from tests.support.coordination.faulty_proxy import FaultyProxy, faulty_proxy
from tests.support.coordination.loopback import git_daemon, http_server

VICTIMS = ("builder", "step", "git", "remote")
_SEARCH = 3.0
"""Seconds to wait for a victim: a git lives for milliseconds."""
_STALE = 5.0
"""Seconds after which a lock at the remote is one of a killed git."""
_STEP = """
      - name: {name}
        retries: {{count: 10, backoff: 1s}}
        run: |
          echo "$BUILD_JOB {name} begin $BUILD_BUILDER" >> $LEDGER
          sleep {seconds}
          echo "$BUILD_JOB {name} end $BUILD_BUILDER" >> $LEDGER
"""
_PIPELINES = """
pipelines:
  ledger:
    description: steps that live for seconds
    max_attempts: 100
    source: {repository: ./source.git}
    steps:
      - {uses: git-checkout, retries: {count: 10, backoff: 1s}}
"""


class StepFaultWorld:
    """Starts the builders, kills something each round, and brings all to a quiet end."""

    def __init__(self, farm: Farm, seed: int, lives: tuple[float, ...]) -> None:
        self.farm = farm
        self.names = tuple(f"step{number}" for number in range(len(lives)))
        self.asked: list[str] = []
        self.killed: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self._chance = random.Random(seed)
        self._victims: list[str] = []
        self._servers = ExitStack()
        self._builders: dict[str, subprocess.Popen[bytes]] = {}
        steps = zip(self.names, lives, strict=True)
        text = "".join(_STEP.format(name=name, seconds=seconds) for name, seconds in steps)
        (farm.folder / "pipelines.yaml").write_text(
            f"{_PIPELINES}{text}      - {{uses: publish-status, when: always}}\n"
        )
        settings = farm.folder / "builder.yaml"
        settings.write_text(settings.read_text() + "push_timeout: 5s\n")
        git_only = ("git", "-C", str(farm.coordination), "config")
        for name, value in (("gc.auto", "0"), ("http.receivepack", "true")):
            subprocess.run([*git_only, name, value], check=True)
        web = self._servers.enter_context(http_server(farm.folder))
        self.proxy: FaultyProxy
        self.proxy, behind = self._servers.enter_context(faulty_proxy(web, seed))
        daemon = self._servers.enter_context(git_daemon(farm.folder))
        self.addresses = {
            "by-file": str(farm.coordination),
            "by-daemon": f"{daemon}/{farm.coordination.name}",
            "by-http": f"{behind}/{farm.coordination.name}",
        }
        repository = GitRepository(str(farm.coordination), farm.folder / "asker", author="asker")
        self._asker = Store(repository, BuilderProfile(id="asker"), notice=lambda _: None)
        self._servers.callback(repository.close)

    def start(self) -> None:
        """Returns when a step runs."""
        self._fill()
        self._start_missing()
        await_that(self.farm.ledger.exists, "a step runs")

    def round(self) -> None:
        """Let them build for a while, then kill something; each kind in turn, in random order."""
        self._fill()
        self._start_missing()
        time.sleep(self._chance.uniform(0.3, 1.5))
        self._victims = self._victims or self._chance.sample(VICTIMS, len(VICTIMS))
        victim = self._victims.pop()
        name = self._chance.choice(tuple(self.addresses))
        found = self._find(victim, name)
        (self.killed if found else self.missed)[victim] += 1
        self._free_stale_locks()

    def settle(self) -> list[Job]:
        """No more faults: everything that was asked for ends; the jobs."""
        self.proxy.is_honest = True
        end = time.monotonic() + PATIENCE
        while True:
            self._free_stale_locks()
            jobs = list(self._asker.jobs())
            if all(job.state not in (State.QUEUED, State.RUNNING) for job in jobs):
                break
            assert time.monotonic() < end, f"stuck: {[j for j in jobs if j.completed_at is None]}"
            self._start_missing()
            time.sleep(0.2)
        for process in self._builders.values():
            process.wait(timeout=PATIENCE)
        for name in self.addresses:  # sends what a killed one left behind
            self._run(name, "build").wait(timeout=PATIENCE)
        return list(self._asker.jobs())

    def end(self) -> None:
        """Leave nothing running."""
        for process in self._builders.values():
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    _kill(child)
            process.kill()
            process.wait()
        self._servers.close()

    def ledger(self) -> Iterator[tuple[str, str, str, str]]:
        """Job, step, `begin` or `end`, and builder of all that steps wrote down."""
        for line in self.farm.ledger.read_text().splitlines():
            job, step, what, builder = line.split()
            yield job, step, what, builder

    def left_over(self) -> list[Any]:
        """What waits in an outbox, or was refused for another reason than a lost claim."""
        found: list[Any] = []
        for name in self.addresses:
            with Outbox(self.farm.folder / "state" / name / "outbox.sqlite") as outbox:
                found += outbox.pending()
                found += [e for e in outbox.refused() if "lost the claim" not in str(e.refused)]
        return found

    def outputs(self) -> str:
        """All that the builders told."""
        return "".join((self.farm.folder / f"{n}.log").read_text() for n in self.addresses)

    def _fill(self) -> None:
        waiting = [job for job in self._asker.jobs() if job.state is State.QUEUED]
        for _ in range(2 - len(waiting)):
            job = f"job-{len(self.asked) + 1}"
            self._asker.enqueue(
                Job(id=job, pipeline="ledger", branch="main", commit=self.farm.commit)
            )
            self.asked.append(job)

    def _start_missing(self) -> None:
        for name in self.addresses:
            process = self._builders.get(name)
            if process is None or process.poll() is not None:
                self._builders[name] = self._run(name, "build")

    def _run(self, name: str, *args: str) -> subprocess.Popen[bytes]:
        own = {"BUILDER_ID": name, "COORDINATION_REPOSITORY": self.addresses[name]}
        with (self.farm.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "doit", *args],
                cwd=HOME,
                env={**self.farm.environment, **own},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _find(self, victim: str, name: str) -> bool:
        """Kill -9 one such process as soon as there is one; whether there was."""
        process = self._builders[name]
        if victim == "builder":
            process.kill()
            process.wait()
            return True
        end = time.monotonic() + _SEARCH
        while time.monotonic() < end:
            found = [p for p in self._processes(victim) if _is(p, victim)]
            if found and _kill(self._chance.choice(found)):
                return True
            time.sleep(0.005)
        return False

    def _processes(self, victim: str) -> list[psutil.Process]:
        builders = [process.pid for process in self._builders.values()]
        found = []
        for root in [os.getpid()] if victim == "remote" else builders:
            with suppress(psutil.NoSuchProcess):
                found += psutil.Process(root).children(recursive=True)
        return found

    def _free_stale_locks(self) -> None:
        """As whoever runs a Git server does: the one that was killed cannot hold them any more."""
        now = time.time()
        remote = self.farm.coordination
        for lock in (*remote.glob("*.lock"), *(remote / "refs").rglob("*.lock")):
            with suppress(FileNotFoundError):
                if now - lock.stat().st_mtime > _STALE:
                    lock.unlink()


def _is(process: psutil.Process, victim: str) -> bool:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        name, words = process.name(), process.cmdline()
        if victim == "step":
            return name == "sleep"
        serves = {"receive-pack", "upload-pack", "http-backend"} & set(words)
        if victim == "remote":
            return bool(serves)
        return name.startswith("git") and not serves
    return False


def _kill(process: psutil.Process) -> bool:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return False
    return True


def report(world: StepFaultWorld, jobs: list[Job]) -> str:
    """One line about a run."""
    states = Counter(str(job.state) for job in jobs)
    return json.dumps(
        {
            "killed": dict(world.killed),
            "not found": dict(world.missed),
            "proxy": dict(world.proxy.faults),
            "jobs": dict(states),
        }
    )

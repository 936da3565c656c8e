"""The world of the fault test: a git daemon and eight processes that are killed at random."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import await_that, is_gone
from tests.support.coordination.fault_worker import Place, give_back
from tests.support.coordination.world import bare_repository, git

HOME = Path(__file__).parents[3]
CREW = (
    ("build", "build1"),
    ("build", "build2"),
    ("build", "build3"),
    ("build", "build4"),
    ("flush", "build1"),
    ("flush", "build2"),
    ("enqueue", "queue"),
    ("reap", "reaper"),
)
REMOTE = len(CREW)
PATIENCE = 120.0
LONGEST_ROUND = 5.0


class Remote:
    """A git daemon that can be killed with all that serves somebody just now."""

    def __init__(self, folder: Path) -> None:
        self.repository = bare_repository(folder / "remote.git")
        # nobody is to be delayed by housekeeping, nor killed in it
        git(self.repository, "config", "gc.auto", "0")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"git://127.0.0.1:{self.port}/{self.repository.name}"

    @property
    def commits(self) -> int:
        """How many are on main, which may not be there yet."""
        # a pattern without brackets would stand for what is below `main/`
        return int(git(self.repository, "rev-list", "--count", "--branches=mai[n]"))

    def start(self) -> None:
        """Returns when it listens."""
        end = time.monotonic() + PATIENCE
        while True:
            if self.process is None or self.process.poll() is not None:
                self.process = self._daemon()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert time.monotonic() < end, "git daemon does not listen"
                time.sleep(0.02)
            else:
                return

    def kill(self, wait_for_push: float = 0.0) -> None:
        """Kill -9 the daemon and its children, if possible in the middle of a push."""
        assert self.process is not None
        daemon = psutil.Process(self.process.pid)
        end = time.monotonic() + wait_for_push
        while time.monotonic() < end and not _serves_a_push(daemon):
            time.sleep(0.002)
        children = _stopped_children(daemon)
        for process in (daemon, *children):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        await_that(lambda: all(is_gone(child.pid) for child in children), "git's children end")
        self.process.wait()
        # as whoever runs a Git server does after a crash: nobody lives who could hold them
        for lock in self.repository.rglob("*.lock"):
            lock.unlink()

    def _daemon(self) -> subprocess.Popen[bytes]:
        command = [
            "git",
            "daemon",
            "--export-all",
            "--reuseaddr",
            "--enable=receive-pack",
            "--listen=127.0.0.1",
            f"--port={self.port}",
            f"--base-path={self.repository.parent}",
        ]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def _stopped_children(daemon: psutil.Process) -> set[psutil.Process]:
    """Stop a process and its descendants; returns these, none of which can start another one."""
    _stop(daemon)
    found: set[psutil.Process] = set()
    while new := {*daemon.children(recursive=True)} - found:
        for process in new:
            _stop(process)
        found |= new
    return found


def _stop(process: psutil.Process) -> None:
    """Returns when it runs no more: until then it may start others."""
    with suppress(psutil.NoSuchProcess):
        process.suspend()
        while process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
            time.sleep(0.001)


def _serves_a_push(daemon: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        for child in daemon.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if "receive-pack" in child.cmdline():
                    return True
    return False


class FaultWorld:
    """Starts the crew, kills one of it each round, and brings all to a quiet end."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.seed = seed
        self.remote = Remote(folder)
        self.crew: list[subprocess.Popen[str]] = []
        self.killed: dict[str, int] = {}
        self._starts = 0

    def start(self) -> None:
        self.remote.start()
        self.crew = [self._worker(number) for number in range(len(CREW))]
        await_that(lambda: self.remote.commits > 0, "somebody writes")

    def round(self) -> None:
        """Let them do something, kill one with -9, and start it again."""
        self._await_commits(self.chance.randint(3, 8))
        time.sleep(self.chance.uniform(0, 0.3))
        victim = self.chance.choice([*range(len(CREW)), REMOTE, REMOTE])
        in_the_middle = self.chance.random() < 0.7
        self._check_the_others()
        if victim == REMOTE:
            self.remote.kill(1.0 if in_the_middle else 0.0)
            time.sleep(self.chance.choice([0.0, 0.5]))
            self.remote.start()
            self._count("remote")
        else:
            self.crew[victim].kill()
            self.crew[victim].communicate()
            self.crew[victim] = self._worker(victim)
            self._count(CREW[victim][0])

    def settle(self) -> None:
        """No more faults: all end, what they left behind is given back and sent."""
        (self.folder / "stop").touch()
        for process in self.crew:
            _, errors = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, errors
        for name in {name for _, name in CREW if name.startswith("build")}:
            place = Place(self.folder, name, self.remote.url)
            with place.repository, place.outbox() as outbox:
                give_back(place, outbox)
                assert outbox.pending() == ()

    def end(self) -> None:
        """Leave nothing running."""
        for process in self.crew:
            if process.poll() is None:
                process.kill()
            process.communicate()
        if self.remote.process is not None and self.remote.process.poll() is None:
            self.remote.kill()

    def ledger(self) -> Iterator[dict[str, Any]]:
        """All that somebody relied on."""
        for path in sorted(self.folder.glob("*/ledger-*")):
            for line in path.read_text().splitlines():
                with suppress(ValueError):  # killed while it wrote the line
                    yield json.loads(line)

    def refused(self, name: str) -> dict[str, str]:
        """Id of each transition that the store refused, with the reason."""
        found: dict[str, str] = {}
        with Place(self.folder, name, self.remote.url).outbox() as outbox:
            for entry in outbox.refused():
                for made in getattr(entry.command, "transitions", ()):
                    found[made.id] = str(entry.refused)
        return found

    def _worker(self, number: int) -> subprocess.Popen[str]:
        role, name = CREW[number]
        self._starts += 1
        seed = f"{self.seed} {self._starts}"
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.support.coordination.fault_worker",
                role,
                str(self.folder),
                name,
                self.remote.url,
                seed,
            ],
            cwd=HOME,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _await_commits(self, wanted: int) -> None:
        """Not for ever: a killed writer may have left the others something to wait for."""
        end = time.monotonic() + LONGEST_ROUND
        before = self.remote.commits
        while self.remote.commits < before + wanted and time.monotonic() < end:
            time.sleep(0.05)

    def _check_the_others(self) -> None:
        for number, process in enumerate(self.crew):
            if process.poll() is not None:
                _, errors = process.communicate()
                raise AssertionError(f"{CREW[number]} ended by itself: {errors}")

    def _count(self, what: str) -> None:
        self.killed[what] = self.killed.get(what, 0) + 1

"""The promise of this project: SIGKILL at any moment, and the next try goes on where it was.

pytest tests/integration/builds/test_kill.py --all -s            100 rounds, prints its seed
KILL_SEED=N KILL_ROUNDS=N pytest ...          the same moments again
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from coordination_tasks.domain.model import BuilderProfile, Job
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.store.store import Store
from tests.conftest import PATIENCE, Farm

NAMES = ("one", "two", "three", "four", "five", "six")

SCRIPT = """
          echo "$BUILD_JOB {name} begin $BUILD_ATTEMPT" >> $LEDGER
          cat {before} > {name}.part
          echo {name} >> {name}.part
          sleep 0.03
          sha256sum < {name}.part > {name}.out
          echo "$BUILD_JOB {name} end $BUILD_ATTEMPT $(cut -c1-64 {name}.out)" >> $LEDGER
"""


def pipelines() -> str:
    lines = [
        "pipelines:",
        "  ledger:",
        "    description: six steps that write down when they begin and end",
        "    source: {repository: ./source}",
        "    steps:",
        "      - uses: git-checkout",
    ]
    for before, name in zip(("hello", *(f"{n}.out" for n in NAMES)), NAMES, strict=False):
        script = SCRIPT.format(name=name, before=before)
        lines.append(f"      - name: {name}")
        if name in ("three", "five"):
            lines.append(f"        outputs: [{name}.out]")
        if name == "five":
            lines.append(f"        inputs: [{before}]")
        lines.append(f"        run: |{script}")
    lines.append("      - uses: publish-status\n        when: always\n")
    return "\n".join(lines)


class Rounds:
    """A farm whose builds are killed."""

    def __init__(self, farm: Farm) -> None:
        self.farm = farm
        (farm.folder / "pipelines.yaml").write_text(pipelines())
        self.killed_in: list[str] = []

    def enqueue(self, number: int) -> str:
        """Queue a job of a new commit; in this process, because a doit takes half a second."""
        hello = f"hello {number}\n"
        (self.farm.source / "hello").write_text(hello)
        commit = self.farm.commit_source(f"round {number}")
        job = Job(id=f"round-{number}", pipeline="ledger", branch="main", commit=commit)
        folder = self.farm.folder / "asker"
        with GitRepository(str(self.farm.coordination), folder, author="asker") as repository:
            Store(repository, BuilderProfile(id="asker")).enqueue(job)
        return job.id

    def build(self, job: str) -> float:
        start = time.monotonic()
        done = self.farm.doit("build", "--job", job)
        assert done.returncode == 0, done.stdout + done.stderr
        return time.monotonic() - start

    def kill(self, job: str, after: float) -> None:
        process = self.farm.start("build", "--job", job)
        try:
            process.wait(timeout=after)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE)

    def check(self, job: str, number: int) -> None:
        """Ledger and coordination repository: each whole, and both of one mind."""
        lines = [line.split() for line in Path(self.farm.ledger).read_text().splitlines()]
        ends = [(name, int(attempt), *rest) for j, name, what, attempt, *rest in lines
                if j == job and what == "end"]  # fmt: skip
        begins = [(name, int(attempt)) for j, name, what, attempt, *_ in lines
                  if j == job and what == "begin"]  # fmt: skip
        assert [name for name, *_ in ends] == list(NAMES), "each step ended exactly once, in order"
        content = f"hello {number}\n"
        for name, _, digest in ends:
            assert digest == hashlib.sha256(f"{content}{name}\n".encode()).hexdigest(), name
            content = f"{digest}  -\n"
        told = [t for t in self.farm.transitions(job) if t["step"] in NAMES]
        succeeded = {t["step"]: t["attempt"] for t in told if t["to"] == "succeeded"}
        assert len([t for t in told if t["to"] == "succeeded"]) == len(NAMES)
        assert succeeded == {name: attempt for name, attempt, _ in ends}
        for name, attempt in begins:
            assert attempt <= succeeded[name], f"{name} was repeated after its success"
        running = {(t["step"], t["attempt"]) for t in told if t["to"] == "running"}
        assert set(begins) <= running
        last = max(t["attempt"] for t in told)
        assert self.farm.job(job)["status"] == "completed"
        for name in NAMES:
            states = [t["to"] for t in told if t["step"] == name and t["attempt"] == last]
            wanted = ["running", "succeeded"] if succeeded[name] == last else ["up_to_date"]
            assert states == wanted, name


def play(farm: Farm, rounds: int) -> None:
    seed = int(os.environ.get("KILL_SEED") or random.randrange(10**9))
    rounds = int(os.environ.get("KILL_ROUNDS") or rounds)
    print(f"KILL_SEED={seed} KILL_ROUNDS={rounds}")  # noqa: T201 - to replay a failure
    moments = random.Random(seed)
    game = Rounds(farm)
    job = game.enqueue(0)
    whole = game.build(job)
    game.check(job, 0)
    for number in range(1, rounds + 1):
        job = game.enqueue(number)
        game.kill(job, moments.uniform(0, whole))
        game.build(job)
        game.check(job, number)


def test_a_few_kills(farm: Farm) -> None:
    play(farm, rounds=3)


@pytest.mark.slow
def test_a_hundred_kills(farm: Farm) -> None:
    play(farm, rounds=100)

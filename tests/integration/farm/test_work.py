"""`doit work`: real processes that build, are stopped, and are killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil

from tests.conftest import PATIENCE, Farm, await_that, processes_of

BEGIN = "echo began >> $LEDGER; sleep 1000"


def configure(farm: Farm, text: str) -> None:
    config = farm.folder / "builder.yaml"
    config.write_text(config.read_text() + text)


def states(farm: Farm) -> list[str]:
    time.sleep(0.3)  # a look costs the processor time that the builders need
    return [job["status"] for job in json.loads(farm.read("coordination/jobs.json"))["jobs"]]


def ended(work: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[str, str]:
    work.send_signal(number)
    return work.communicate(timeout=PATIENCE)


class Manager:
    """The socket of a service manager."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._socket.setblocking(False)
        self.told: list[str] = []

    def read(self) -> list[str]:
        try:
            while True:
                self.told.append(self._socket.recv(4096).decode())
        except BlockingIOError:
            return self.told


def test_two_builders_build_each_job_once_and_a_failure_ends_neither(
    farm: Farm, tmp_path: Path
) -> None:
    manager = Manager(tmp_path)
    farm.pipeline("""
        - {name: only, run: "echo $BUILD_JOB >> $LEDGER; [ $BUILD_JOB != job-1 ]"}
    """)
    jobs = [farm.enqueue("--id", f"job-{number}") for number in range(6)]
    watched = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "800000"}
    works = [farm.start("work", environment=watched), farm.start("work", builder="build2")]
    await_that(lambda: set(states(farm)) <= {"completed", "failed"}, "all jobs have ended")
    await_that(lambda: manager.read()[-1:] == ["WATCHDOG=1"], "it lives")
    assert manager.told[0] == "READY=1"
    late = farm.enqueue("--id", "late")
    queued = time.monotonic()
    await_that(lambda: "queued" not in states(farm), "somebody claims it")
    claimed_after = time.monotonic() - queued
    await_that(lambda: states(farm)[-1] == "completed", "it is built")
    os.kill(works[0].pid, signal.SIGSTOP)
    manager.read()
    seen = len(manager.told)
    time.sleep(1)
    assert len(manager.read()) == seen
    os.kill(works[0].pid, signal.SIGCONT)
    outputs = [ended(work) for work in works]
    assert [work.returncode for work in works] == [0, 0], outputs
    assert sorted(farm.ran()) == sorted([*jobs, late])
    assert [farm.job(job)["status"] for job in jobs] == [
        "completed", "failed", "completed", "completed", "completed", "completed",
    ]  # fmt: skip
    assert {farm.job(job)["attempt"] for job in jobs} == {1}
    assert any(told.startswith("STATUS=builds ") for told in manager.read())
    assert manager.told[-1] == "STOPPING=1"
    assert "Traceback" not in str(outputs)
    assert claimed_after < 10  # 5 s on a machine that does nothing else


def test_another_builder_takes_the_job_of_a_dead_one(farm: Farm) -> None:
    configure(farm, "lease: 8s\nheartbeat: {building: 1s, waiting: 1s, idle: 1s}\n")
    farm.second(BEGIN)
    job = farm.enqueue()
    mine = farm.start("work")
    await_that(lambda: "began" in farm.ran(), "build1 builds")
    farm.second("echo second >> $LEDGER")
    other = farm.start("work", builder="build2")
    whole = psutil.Process(mine.pid)
    for process in (whole, *whole.children(recursive=True)):
        process.kill()  # as if the machine had lost its power
    await_that(lambda: states(farm) == ["completed"], "build2 builds it")
    assert farm.job(job)["assigned_to"] == "build2"
    assert "took job" in ended(other)[1]


def test_a_signal_queues_the_job_again_unless_it_is_to_finish(farm: Farm) -> None:
    farm.second(BEGIN)
    job = farm.enqueue()
    work = farm.start("work")
    await_that(lambda: "began" in farm.ran(), "it builds")
    out, err = ended(work)
    assert (work.returncode, farm.job(job)["status"]) == (0, "queued"), out + err
    assert processes_of(farm.folder) == []

    farm.second("echo began >> $LEDGER; while [ ! -e $LEDGER.go ]; do sleep 0.1; done")
    assert farm.doit("cancel", job).returncode == 0
    farm.enqueue()
    farm.enqueue()
    before = len(farm.ran())
    work = farm.start("work", "--finish")
    await_that(lambda: farm.ran()[before:].count("began") == 1, "it builds")
    work.terminate()
    time.sleep(0.5)
    assert work.poll() is None
    Path(f"{farm.ledger}.go").touch()
    out, err = work.communicate(timeout=PATIENCE)
    assert work.returncode == 0, out + err
    assert states(farm) == ["failed", "completed", "queued"]
    assert "ending after this job" in err


def test_it_ends_when_idle_and_says_once_what_prevents_a_build(farm: Farm) -> None:
    nothing = farm.doit("work", "--once")
    assert (nothing.returncode, nothing.stdout) == (4, "")
    assert farm.doit("work", "--until-idle").returncode == 0
    assert farm.doit("work", "--until-idle", "--once").returncode == 3
    job = farm.enqueue()
    good = (farm.folder / "pipelines.yaml").read_text()
    (farm.folder / "pipelines.yaml").write_text("pipelines: [\n")
    broken = farm.doit("work", "--until-idle")
    assert broken.returncode == 3
    assert broken.stderr.count("pipelines.yaml:") == 1
    (farm.folder / "pipelines.yaml").write_text(good)
    built = farm.doit("work", "--until-idle")
    assert (built.returncode, farm.job(job)["status"]) == (0, "completed"), built.stderr

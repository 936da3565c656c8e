"""Buildbot with as many jobs as the farm of benchmarks/web.py, for a comparison beside it.

Buildbot comes from PyPI into a virtual environment in a temporary folder. Its rows are written into
the SQLite database of a new master, as its own schema has them: 200 workers, one builder, 5,000
builds of which the last 100 run. Nothing is built.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

VERSION = "4.3.0"
PORT = 18010
DATA = (
    "api/v2/builders",
    "api/v2/workers",
    "api/v2/builds?order=-buildid&limit=200",
    "api/v2/buildrequests?claimed=false&limit=200",
)
"""What a page about all builders, workers and the newest builds asks its server for."""
_CONFIG = f"""
from buildbot.plugins import schedulers, util, worker
c = BuildmasterConfig = {{}}
c["workers"] = [worker.Worker(f"build{{n}}", "x") for n in range({{workers}})]
c["protocols"] = {{"pb": {{"port": "tcp:0:interface=127.0.0.1"}}}}
c["schedulers"] = [schedulers.ForceScheduler(name="force", builderNames=["cloudstack"])]
names = [each.name for each in c["workers"]]
c["builders"] = [
    util.BuilderConfig(name="cloudstack", workernames=names, factory=util.BuildFactory())
]
c["buildbotURL"] = "http://127.0.0.1:{PORT}/"
c["www"] = {{"port": "tcp:{PORT}:interface=127.0.0.1", "plugins": {{}}}}
c["db"] = {{"db_url": "sqlite:///state.sqlite"}}
c["buildbotNetUsageData"] = None
"""
_RUNNING = 100
_WAIT = 120.0


@contextmanager
def buildbot(folder: Path, jobs: int, workers: int) -> Iterator[tuple[str, psutil.Process]]:
    """A master that serves its pages: its address, and its process."""
    venv, master = folder / "venv", folder / "master"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    packages = [f"buildbot=={VERSION}", f"buildbot-www=={VERSION}"]
    subprocess.run([venv / "bin" / "pip", "install", "--quiet", *packages], check=True)
    command = venv / "bin" / "buildbot"
    subprocess.run([command, "create-master", master], check=True, stdout=subprocess.DEVNULL)
    (master / "master.cfg").write_text(_CONFIG.replace("{workers}", str(workers)))
    with _running(venv, master):  # makes the rows of master, builder and workers
        pass
    _insert(master / "state.sqlite", jobs)
    with _running(venv, master) as process:
        yield f"http://127.0.0.1:{PORT}/", process


@contextmanager
def _running(venv: Path, master: Path) -> Iterator[psutil.Process]:
    twistd = str(venv / "bin" / "twistd")
    process = subprocess.Popen(
        [twistd, "--nodaemon", "--no_save", "-y", "buildbot.tac"], cwd=master
    )
    try:
        until = time.monotonic() + _WAIT
        while not _answers():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((master / "twistd.log").read_text()[-2000:])
            time.sleep(0.5)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _answers() -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{PORT}/api/v2/builders") as answer:
            return b"cloudstack" in answer.read()
    except (URLError, ConnectionError):
        return False


def _insert(database: Path, jobs: int) -> None:
    now = int(time.time())
    with sqlite3.connect(database) as rows:
        [(builder,)] = rows.execute("SELECT id FROM builders WHERE name = 'cloudstack'")
        [(master,)] = rows.execute("SELECT id FROM masters")
        workers = [worker for (worker,) in rows.execute("SELECT id FROM workers")]
        for number in range(1, jobs + 1):
            began, is_running = now - 60 * (jobs - number), number > jobs - _RUNNING
            ended, result = (None, None) if is_running else (began + 50, 2 * (number % 7 == 0))
            rows.execute(
                "INSERT INTO buildsets (id, reason, submitted_at, complete, complete_at, results)"
                " VALUES (?, 'push', ?, ?, ?, ?)",
                (number, began, int(not is_running), ended, result or -1),
            )
            rows.execute(
                "INSERT INTO buildrequests (id, buildsetid, builderid, priority, complete, results,"
                " submitted_at, complete_at, waited_for) VALUES (?, ?, ?, 0, ?, ?, ?, ?, 0)",
                (number, number, builder, int(not is_running), result, began, ended),
            )
            rows.execute(
                "INSERT INTO builds (id, number, builderid, buildrequestid, workerid, masterid,"
                " started_at, complete_at, locks_duration_s, state_string, results)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 'build successful', ?)",
                (number, number, builder, number, workers[number % len(workers)], master,
                 began, ended, result),
            )  # fmt: skip

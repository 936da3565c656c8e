"""A farm of one builder in a temporary folder: real Git repositories, the real `doit`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent, indent
from types import MappingProxyType
from typing import Any

import hypothesis
import psutil
import pytest

from tests.support.doit.distribution import Pieces, place_of
from tests.support.doit.forked_doit import doit_server, foreign, remember_environment

pytest_plugins = ["tests.support.coordination.fixtures"]

HOME = Path(__file__).parents[1]
PATIENCE = 180.0
"""Seconds: nobody waits them out but for a defect, and a slow disk or network has its time."""
ENV = shutil.which("env") or "env"
"""Found before a test takes things off the PATH."""

PIPELINES = """
pipelines:
  ledger:
    description: steps that write down that they ran
    source: {repository: ./source.git}
    steps:
      - uses: git-checkout
      - {name: first, run: "echo first >> $LEDGER"}
      - {name: second, run: "{second}"}
      - {name: third, run: "echo third >> $LEDGER; cp hello made.txt"}
      - {uses: artifact-manifest, with: {paths: [made.txt]}}
      - {uses: publish-status, when: always}
"""


LIMITS = (0.5, 5.0, 60.0)
"""Seconds for a test of a time limit: the next one when a busy machine came not far enough."""

hypothesis.settings.register_profile(
    "new", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile(
    "same", hypothesis.settings.get_profile("new"), derandomize=True
)


def await_that(condition: Callable[[], bool], what: str) -> None:
    """Wait until `condition` holds; fail with `what` when it does not in good time."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE} s in vain: {what}"
        time.sleep(0.02)


def has_line(file: Path) -> bool:
    """Whether somebody has written a whole line into it."""
    return file.exists() and file.read_text().endswith("\n")


def line_in(file: Path) -> str:
    """What is in the file as soon as it ends with a whole line."""
    await_that(lambda: has_line(file), f"{file} is written")
    return file.read_text().strip()


def is_gone(pid: int) -> bool:
    """Whether the process has ended; who adopted it may let it stay a zombie."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run tests that take minutes, too")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("new" if config.getoption("--all") else "same")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    remember_environment()
    items.sort(key=lambda item: place_of(item.nodeid, config.rootpath))
    skip_slow = pytest.mark.skip(reason="takes minutes: scripts/test --all")
    for item in items:
        if item.get_closest_marker("slow") and not config.getoption("--all"):
            item.add_marker(skip_slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Pieces:
    config.option.loadscopereorder = False
    return Pieces(config, log)


class Farm:
    """The folder of a farm, and the commands that a person types."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = folder / "ledger"
        self.coordination = folder / "coordination.git"
        self.source = folder / "source"
        self.commit = ""
        self._running: list[subprocess.Popen[str]] = []

    def set_up(self) -> None:
        git("init", "--quiet", "--bare", "--initial-branch=main", str(self.coordination))
        git("init", "--quiet", "--initial-branch=main", str(self.source))
        (self.source / "hello").write_text("hello\n")
        self.commit = self.commit_source("first")
        git("clone", "--quiet", "--bare", str(self.source), str(self.folder / "source.git"))
        (self.folder / "builder.yaml").write_text(
            "builder: build1\ncoordination_repository: ./coordination.git\nstate_dir: ./state\n"
            "pipelines_file: ./pipelines.yaml\n"
            f"env: {{LEDGER: {self.ledger}}}\nsandbox_paths: {{{self.folder}: write}}\n"
            "flush_every: 1s\nobserve_every: 1s\npushes_per_minute: 600\n"
        )
        self.second("echo second >> $LEDGER")

    def second(self, script: str) -> None:
        """Say what the step `second` does."""
        (self.folder / "pipelines.yaml").write_text(PIPELINES.replace("{second}", script))

    def pipeline(self, steps: str) -> None:
        """Make these the steps of the pipeline `ledger`, between checkout and publish-status."""
        head = PIPELINES.partition("      - {name: first")[0]
        tail = "      - {uses: publish-status, when: always}\n"
        (self.folder / "pipelines.yaml").write_text(head + indent(dedent(steps), " " * 6) + tail)

    def without_sandbox(self) -> None:
        """Let steps reach their builder, to hurt it or to look at it."""
        config = self.folder / "builder.yaml"
        config.write_text(config.read_text() + "sandbox: none\n")

    def commit_source(self, message: str) -> str:
        git("-C", str(self.source), "add", "--all")
        git(*AUTHOR, "-C", str(self.source), "commit", "--quiet", "--message", message)
        return git("-C", str(self.source), "rev-parse", "HEAD")

    @property
    def environment(self) -> dict[str, str]:
        """What a person has, whose Python keeps bytecode and starts faster for it."""
        own = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return {**own, "BUILDER_CONFIG": str(self.folder / "builder.yaml")}

    def start(
        self,
        *args: str,
        builder: str = "build1",
        stdout: int = subprocess.PIPE,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> subprocess.Popen[str]:
        # what a shell starts in the background ignores SIGINT, under nohup SIGHUP, and hands it on
        command = [ENV, "--default-signal=INT,HUP", sys.executable, "-m", "doit", *args]
        process = subprocess.Popen(
            command,
            cwd=HOME,
            env={**self.environment, "BUILDER_ID": builder, **environment},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._running.append(process)
        return process

    def doit(self, *args: str, builder: str = "build1") -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, "BUILDER_ID": builder}
        server = doit_server()
        if foreign(environment) == server.environment:
            return server.run(args, environment, PATIENCE)
        process = self.start(*args, builder=builder)
        out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def enqueue(self, *args: str) -> str:
        branch = () if "--branch" in args else ("--branch", "main")
        done = self.doit("enqueue", "--pipeline", "ledger", *branch, *args)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def ran(self) -> list[str]:
        """What the steps wrote down."""
        return self.ledger.read_text().split() if self.ledger.exists() else []

    def read(self, path: str) -> str:
        """A file at the tip of the coordination repository."""
        return git("-C", str(self.coordination), "show", f"main:{path}")

    def write(self, path: str, text: str) -> None:
        """What another program leaves in the coordination repository, by pull, edit and push."""
        tree = self._pulled()
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
        self._push(tree)

    def remove(self, path: str) -> None:
        """Another program removes a file of the coordination repository."""
        tree = self._pulled()
        (tree / path).unlink()
        self._push(tree)

    def _pulled(self) -> Path:
        tree = self.folder / "old-program"
        if not tree.exists():
            git("clone", "--quiet", str(self.coordination), str(tree))
        elif git("ls-remote", str(self.coordination)):
            git("-C", str(tree), "pull", "--quiet", "--ff-only", "origin", "main")
        return tree

    def _push(self, tree: Path) -> None:
        git("-C", str(tree), "add", "--all")
        git(*AUTHOR, "-C", str(tree), "commit", "--quiet", "--message", "by another program")
        git("-C", str(tree), "push", "--quiet", "origin", "HEAD:main")

    def files(self) -> list[str]:
        return git("-C", str(self.coordination), "ls-tree", "-r", "--name-only", "main").split("\n")

    def job(self, job: str) -> dict[str, Any]:
        jobs = json.loads(self.read("coordination/jobs.json"))["jobs"]
        return next(entry for entry in jobs if entry["id"] == job)

    def transitions(self, job: str) -> list[dict[str, Any]]:
        """All transitions of a job, in order."""
        paths = [p for p in self.files() if p.startswith("coordination/transitions/") and job in p]
        return [json.loads(line) for path in sorted(paths) for line in self.read(path).split("\n")]

    def steps(self, job: str, attempt: int = 1) -> dict[str, str]:
        """The last state of each step in an attempt."""
        return {
            t["step"]: t["to"]
            for t in self.transitions(job)
            if t["step"] and t["attempt"] == attempt
        }

    def end_all(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()


AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@example.org")


def git(*args: str) -> str:
    return subprocess.run(["git", *args], check=True, capture_output=True, text=True).stdout.strip()


def processes_of(folder: Path) -> list[psutil.Process]:
    """Processes whose command line or working directory is in `folder`.

    A process can end at any moment: what it was when it was found is in its `info`.
    """
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "name"]):
        places = [*(process.info["cmdline"] or []), process.info["cwd"] or ""]
        if process.pid != os.getpid() and any(str(folder) in place for place in places):
            found.append(process)
    return found


def sleeping(folder: Path) -> list[int]:
    """Ids on the host of programs that a step started with `exec -a {folder}/NAME sleep`.

    A step in a sandbox sees other ids.
    """
    return [process.pid for process in processes_of(folder) if process.info["name"] == "sleep"]


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    farm = Farm(tmp_path)
    farm.set_up()
    yield farm
    farm.end_all()

"""What the sandbox of steps costs: a command that does nothing, and the sample's Maven.

    python -m benchmarks.sandbox [COMMANDS [BUILDS]]

Each is run in the sandbox and without it in turns, by the runner of real steps. Figures go to
benchmarks/results/sandbox.json: wall time and processor time, in milliseconds for a command and in
seconds for a build. A busy machine disturbs wall time. Run it as root: a control group counts
processor time.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchmarks.maven_builds import SAMPLE, Request, machine
from common.settings.sandbox import SandboxKind, SandboxSettings
from pipelines.domain.network import Network
from pipelines.domain.pipeline import Command, Source, StepContext
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.logged_command import LoggedCommandRunner
from pipelines.processes.sandbox.choice import choose_sandbox
from pipelines.processes.tree import marker
from pipelines.steps.maven.options import MavenOptions
from pipelines.steps.maven.step import MAVEN
from pipelines.workspace.layout import Workspace

RESULTS = Path(__file__).parent / "results" / "sandbox.json"
LIMITS = {
    "command_more_ms": 50.0,
    "command_more_processor_ms": 50.0,
    "maven_wall": 1.02,
    "maven_processor": 1.02,
}
Costs = tuple[float, float]
"""Seconds of wall time and of processor time."""
_GROUPS = Path("/sys/fs/cgroup")
KINDS = (SandboxKind.NONE, SandboxKind.BWRAP)


def main() -> int:
    """Measure, write and print; returns 1 when a limit is missed."""
    commands, builds = (*map(int, sys.argv[1:]), *(100, 9)[len(sys.argv) - 1 :])
    with (
        tempfile.TemporaryDirectory(prefix="sandbox-") as folder,
        closing(Processor()) as spent,
    ):
        figures = {
            **command_figures(Path(folder), commands, spent),
            **maven_figures(Path(folder), builds, spent),
        }
    RESULTS.write_text(
        json.dumps(
            {**machine(), "commands": commands, "builds": builds, "figures": figures}, indent=1
        )
        + "\n"
    )
    print(json.dumps(figures, indent=1))
    for name, limit in LIMITS.items():
        kept = "kept" if figures[name] <= limit else "missed"
        print(f"{name}: {figures[name]}, limit {limit}: {kept}")
    return int(any(figures[name] > limit for name, limit in LIMITS.items()))


def command_figures(folder: Path, rounds: int, spent: Callable[[], float]) -> dict[str, float]:
    """Milliseconds of `true`, and how many more they are in the sandbox."""
    contexts = {kind: context_of(folder, f"commands-{kind}", kind) for kind in KINDS}
    for context in contexts.values():
        context.workspace.source.mkdir(parents=True)

    def run(kind: SandboxKind) -> None:
        context = contexts[kind]
        command = Command(argv=("true",), cwd=context.workspace.source, env=context.env)
        context.commands.run(command)

    none, bwrap = in_turns(rounds, lambda kind: costs(lambda: run(kind), spent))
    return {
        "command_ms": round(none[0] * 1000, 1),
        "command_in_sandbox_ms": round(bwrap[0] * 1000, 1),
        "command_more_ms": round((bwrap[0] - none[0]) * 1000, 1),
        "command_more_processor_ms": round((bwrap[1] - none[1]) * 1000, 1),
    }


def maven_figures(folder: Path, rounds: int, spent: Callable[[], float]) -> dict[str, float]:
    """Seconds of a full build of the sample, and what they are in the sandbox as a multiple."""
    number = iter(range(10_000))

    def build(kind: SandboxKind) -> Costs:
        context = job(folder, f"job-{next(number)}", kind)
        found = costs(lambda: MAVEN.run(MavenOptions(), context), spent)
        shutil.rmtree(context.workspace.root)
        return found

    build(SandboxKind.NONE)  # downloads
    build(SandboxKind.BWRAP)
    none, bwrap = in_turns(rounds, build)
    return {
        "maven_s": round(none[0], 2),
        "maven_in_sandbox_s": round(bwrap[0], 2),
        "maven_wall": round(bwrap[0] / none[0], 3),
        "maven_processor_s": round(none[1], 2),
        "maven_processor_in_sandbox_s": round(bwrap[1], 2),
        "maven_processor": round(bwrap[1] / none[1], 3),
    }


def in_turns(rounds: int, measure: Callable[[SandboxKind], Costs]) -> tuple[Costs, Costs]:
    """Medians without and with the sandbox; each is first in every other round."""
    found: dict[SandboxKind, list[Costs]] = {kind: [] for kind in KINDS}
    for number in range(rounds):
        for kind in KINDS if number % 2 else reversed(KINDS):
            found[kind].append(measure(kind))
    none, bwrap = (tuple(map(statistics.median, zip(*found[kind], strict=True))) for kind in KINDS)
    return (none[0], none[1]), (bwrap[0], bwrap[1])


def costs(action: Callable[[], object], spent: Callable[[], float]) -> Costs:
    """What it takes."""
    start, before = time.perf_counter(), spent()
    action()
    return time.perf_counter() - start, spent() - before


class Processor:
    """Processor time of this process and all that it starts, also in namespaces of processes.

    A control group counts it: bwrap does not wait for the processes that it contains.
    """

    def __init__(self) -> None:
        """Make the group and enter it. Raises OSError without the right to do so."""
        version_1 = _GROUPS / "cpuacct"
        self._group = (version_1 if version_1.is_dir() else _GROUPS) / f"bench-{os.getpid()}"
        self._group.mkdir()
        (self._group / "cgroup.procs").write_text(str(os.getpid()))

    def close(self) -> None:
        """Leave the group and remove it."""
        (self._group.parent / "cgroup.procs").write_text(str(os.getpid()))
        self._group.rmdir()

    def __call__(self) -> float:
        """Seconds so far."""
        usage = self._group / "cpuacct.usage"
        if usage.exists():
            return int(usage.read_text()) / 1e9
        return int((self._group / "cpu.stat").read_text().split()[1]) / 1e6


def job(folder: Path, name: str, kind: SandboxKind) -> StepContext:
    """The context of a build of the sample."""
    context = context_of(folder, name, kind)
    source = context.workspace.source
    shutil.copytree(SAMPLE, source, ignore=shutil.ignore_patterns("target"))
    for arguments in (
        ("init", "--quiet", "-b", "main"),
        ("add", "."),
        ("-c", "user.name=b", "-c", "user.email=b@example.org", "commit", "-qm", "sample"),
    ):
        subprocess.run(["git", "-C", str(source), *arguments], check=True)
    return context


def context_of(folder: Path, name: str, kind: SandboxKind) -> StepContext:
    """The context of a step of the job `name`."""
    workspace = Workspace(folder, name, 1)
    sandbox = choose_sandbox(
        SandboxSettings(kind=kind),
        workspace,
        "bench",
        objects=workspace.mirrors / "none" / "objects",
        network=Network.HOST,
        ssh_agent=False,
    )
    return StepContext(
        step="bench",
        request=Request(name),
        workspace=workspace,
        source=Source(repository="sample"),
        commands=LoggedCommandRunner(
            workspace.log("bench"),
            marker=marker(workspace, "bench"),
            cancellation=Cancellation(),
            sandbox=lambda: sandbox,
        ),
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
        progress=lambda _: None,
    )


if __name__ == "__main__":
    sys.exit(main())

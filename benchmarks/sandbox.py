"""What the sandbox of steps costs: a command that does nothing, and the sample's Maven.

    python -m benchmarks.sandbox [COMMANDS [BUILDS]]

Each is run in the sandbox and without it in turns, by the runner of real steps. Figures go to
benchmarks/results/sandbox.json: milliseconds of wall time for a command, seconds of wall and of
processor time for a build. A busy machine disturbs wall time, so the builds are compared by both.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.maven_builds import SAMPLE, Request, machine
from common.sandbox_settings import SandboxKind, SandboxSettings
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
LIMITS = {"command_more_ms": 50.0, "maven_processor": 1.02, "maven_wall": 1.02}
T = TypeVar("T")
KINDS = (SandboxKind.NONE, SandboxKind.BWRAP)


def main() -> int:
    """Measure, write and print; returns 1 when a limit is missed."""
    commands, builds = (*map(int, sys.argv[1:]), *(100, 9)[len(sys.argv) - 1 :])
    with tempfile.TemporaryDirectory(prefix="sandbox-") as folder:
        figures = {
            **command_figures(Path(folder), commands),
            **maven_figures(Path(folder), builds),
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


def command_figures(folder: Path, rounds: int) -> dict[str, float]:
    """Milliseconds of `true`, and how many more they are in the sandbox."""
    contexts = {kind: context_of(folder, f"commands-{kind}", kind) for kind in KINDS}
    for context in contexts.values():
        context.workspace.source.mkdir(parents=True)

    def run(kind: SandboxKind) -> None:
        context = contexts[kind]
        context.commands.run(Command(argv=("true",), cwd=context.workspace.source, env=context.env))

    none, bwrap = in_turns(rounds, lambda kind: wall(lambda: run(kind)))
    without, within = (statistics.median(times) * 1000 for times in (none, bwrap))
    return {
        "command_ms": round(without, 1),
        "command_in_sandbox_ms": round(within, 1),
        "command_more_ms": round(within - without, 1),
    }


def maven_figures(folder: Path, rounds: int) -> dict[str, float]:
    """Seconds of a full build of the sample, and what they are in the sandbox as a multiple."""
    number = iter(range(10_000))

    def build(kind: SandboxKind) -> tuple[float, float]:
        context = job(folder, f"job-{next(number)}", kind)
        before = processor()
        seconds = wall(lambda: MAVEN.run(MavenOptions(), context))
        spent = processor() - before
        shutil.rmtree(context.workspace.root)
        return seconds, spent

    build(SandboxKind.NONE)  # downloads
    build(SandboxKind.BWRAP)
    none, bwrap = in_turns(rounds, build)
    walls = [statistics.median(seconds for seconds, _ in times) for times in (none, bwrap)]
    spent = [statistics.median(spent for _, spent in times) for times in (none, bwrap)]
    return {
        "maven_s": round(walls[0], 2),
        "maven_in_sandbox_s": round(walls[1], 2),
        "maven_wall": round(walls[1] / walls[0], 3),
        "maven_processor_s": round(spent[0], 2),
        "maven_processor_in_sandbox_s": round(spent[1], 2),
        "maven_processor": round(spent[1] / spent[0], 3),
    }


def in_turns(rounds: int, measure: Callable[[SandboxKind], T]) -> Sequence[list[T]]:
    """Results without and with the sandbox; each is first in every other round."""
    found: dict[SandboxKind, list[T]] = {kind: [] for kind in KINDS}
    for number in range(rounds):
        for kind in KINDS if number % 2 else reversed(KINDS):
            found[kind].append(measure(kind))
    return [found[kind] for kind in KINDS]


def wall(action: Callable[[], object]) -> float:
    """Seconds that it takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def processor() -> float:
    """Seconds of processor time that this process and its ended children have used."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


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

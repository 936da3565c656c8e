"""The cost of Maven: a rerun after a failure, and one Maven in a job instead of two.

    python -m benchmarks.maven_builds [ROUNDS]

Builds examples/sample with the real steps in a temporary folder. What Maven Central gives is
fetched before anything is measured. Figures are medians of ROUNDS (3 when not given), in seconds;
each comes with the machine's load, since Maven's time depends on it.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import Options, Source, StepContext, StepKind
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.logged_command import LoggedCommandRunner
from pipelines.processes.tree import marker
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.steps.debian.step import BuildDeb
from pipelines.steps.maven.options import MavenOptions
from pipelines.steps.maven.step import MAVEN
from pipelines.workspace.layout import Workspace

SAMPLE = Path(__file__).parents[1] / "examples" / "sample"
PACKAGING = BuildDebOptions(
    allow_dummies=("python-setuptools", "python", "python2"), install_test="simulated"
)
"""As the shipped pipeline `sample` has it."""
GATE = """package org.example.greeter.report;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class GateTest {
    @Test
    void gateIsOpen() {
        assertTrue(Files.exists(Path.of("%s")));
    }
}
"""
"""A test of the third of the four modules with code: it fails while a file is not there."""


@dataclass(frozen=True)
class Request:
    """The job as the steps see it."""

    job_id: str
    attempt: int = 1
    builder: str = "bench"
    branch: str | None = "main"
    commit: str | None = None
    params: dict[str, str] = field(default_factory=dict)
    pipeline: str = "bench"
    plan_digest: str = ""
    started: datetime | None = None


def main() -> None:
    """Measure and print JSON."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory(prefix="maven-builds-") as folder:
        bench = Bench(Path(folder))
        bench.full()  # downloads
        bench.package()
        figures = [bench.measure() for _ in range(rounds)]
    medians = {
        name: round(statistics.median(figure[name] for figure in figures), 2) for name in figures[0]
    }
    print(json.dumps({**machine(), "rounds": rounds, "seconds": medians, **ratios(medians)}))


def ratios(seconds: dict[str, float]) -> dict[str, float]:
    """What the issue asks for."""
    return {
        "rerun_to_full": round(seconds["rerun_from_module_3_of_4"] / seconds["full"], 2),
        "once_to_twice": round(seconds["validate_and_package"] / seconds["install_and_package"], 2),
    }


def commit_all(source: Path) -> None:
    """Make a folder a Git repository of one commit."""
    for arguments in (
        ("init", "--quiet", "-b", "main"),
        ("add", "."),
        ("-c", "user.name=b", "-c", "user.email=b@example.org", "commit", "-qm", "source"),
    ):
        subprocess.run(["git", "-C", str(source), *arguments], check=True)


def machine() -> dict[str, Any]:
    """Where and when."""
    return {
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "cores": os.cpu_count(),
        "load_1_min": round(os.getloadavg()[0], 1),
        "system": platform.platform(),
    }


class Bench:
    """A builder whose jobs build the sample."""

    def __init__(self, folder: Path) -> None:
        self._state = folder
        self._jobs = 0
        self._gate = folder / "gate"
        self._gate.touch()

    def measure(self) -> dict[str, float]:
        """One round."""
        full = timed(self.full)
        rerun = self.rerun()
        package = timed(self.package)
        validate = timed(lambda: self._run(MAVEN, MavenOptions(goals=("validate",)), self._job()))
        return {
            "full": full,
            "rerun_from_module_3_of_4": rerun,
            "install_and_package": full + package,
            "validate_and_package": validate + package,
        }

    def full(self) -> None:
        """Everything, in a new job."""
        self._run(MAVEN, MavenOptions(), self._job())

    def package(self) -> None:
        """The packages, in a new job."""
        self._run(BuildDeb(), PACKAGING, self._job())

    def rerun(self) -> float:
        """Seconds of the second try of a job that failed in the third of its four modules."""
        context = self._job()
        self._gate.unlink()
        try:
            self._run(MAVEN, MavenOptions(), context)
        except StepFailed:
            self._gate.touch()
            source = str(context.workspace.source)
            # as a builder does after a failure
            subprocess.run(["git", "-C", source, "clean", "-ffdxq"], check=True)
            return timed(lambda: self._run(MAVEN, MavenOptions(), context))
        raise RuntimeError("the failing test did not fail")

    def _run(self, kind: StepKind[Any], options: Options, context: StepContext) -> None:
        kind.run(options, context)

    def _job(self) -> StepContext:
        self._jobs += 1
        workspace = Workspace(self._state, f"job_{self._jobs}", 1)
        shutil.copytree(SAMPLE, workspace.source, ignore=shutil.ignore_patterns("target"))
        test = workspace.source / "greeting-report/src/test/java/org/example/greeter/report"
        (test / "GateTest.java").write_text(GATE % self._gate)
        commit_all(workspace.source)
        return StepContext(
            step="bench",
            request=Request(workspace.job_id),
            workspace=workspace,
            source=Source(repository="sample"),
            commands=LoggedCommandRunner(
                workspace.log("bench"),
                marker=marker(workspace, "bench"),
                cancellation=Cancellation(),
            ),
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
            progress=lambda _: None,
        )


def timed(action: Callable[[], object]) -> float:
    """Seconds that it takes."""
    start = time.monotonic()
    action()
    return time.monotonic() - start


if __name__ == "__main__":
    main()

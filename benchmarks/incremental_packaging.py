"""What kept modules save: packagings and Maven steps of a generated reactor with 42 modules.

    python -m benchmarks.incremental_packaging [ROUNDS]

The cases take turns in each of the ROUNDS (3). Figures are processor seconds of all processes of a
step, medians; shares are those of the whole build of the same round. Packages of the case `leaf`
are compared file by file with those of a packaging from scratch. Writes
benchmarks/results/incremental_packaging.json.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.maven_builds import Request, machine
from benchmarks.reactor import BASE, LATE, LEAF, java, write
from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import Source, StepContext
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.logged_command import LoggedCommandRunner
from pipelines.processes.tree import marker
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.steps.debian.step import BuildDeb
from pipelines.steps.maven.options import MavenOptions
from pipelines.steps.maven.step import MAVEN
from pipelines.workspace.layout import Workspace

RESULTS = Path(__file__).parent / "results" / "incremental_packaging.json"
PACKAGING = BuildDebOptions(lintian=False, install_test="none")
SCRATCH = PACKAGING.model_copy(update={"incremental": "off"})
MODULES = MavenOptions(threads="1C", incremental="modules")
LIMITS = {
    "debian_only": 0.13,
    "leaf": 0.18,
    "ten_dependants": 0.45,
    "after_failure_in_module_30": 0.35,
    "filling": 1.05,
    "maven_leaf": 0.13,
    "maven_filling": 1.02,
}
"""The largest share of a packaging from scratch on a new builder, or of the same Maven by hand."""


class Bench:
    """A builder with one job for each commit."""

    def __init__(self, folder: Path) -> None:
        self._state = folder
        self._jobs = 0
        self._repository = ""

    def round(self, number: int) -> dict[str, float]:
        """Processor seconds of each case."""
        self._repository = f"round-{number}"  # nothing is kept of it yet
        leaf = dict([java(LEAF, 0, "// changed\n")])
        broken = dict([java(LATE, 0, "broken\n")])
        found = {
            "full": self.package({}, SCRATCH),
            "full_again": self.package({}, SCRATCH),
            "filling": self.package({}),
            "debian_only": self.package({"debian/README.Debian": "hello\n"}),
            "leaf": self.package(leaf),
        }
        found["ten_dependants"] = self.package(dict([java(BASE, 0, "// changed\n")]))
        self._compare(leaf)
        self._repository = f"failing-{number}"
        self.package(broken)
        found["after_failure_in_module_30"] = self.package({})
        self._repository = f"maven-{number}"
        found["by_hand"] = self.by_hand()
        found["maven_filling"] = self.maven({})
        found["maven_leaf"] = self.maven(leaf)
        return found

    def package(self, changed: Mapping[str, str], options: BuildDebOptions = PACKAGING) -> float:
        """Of a packaging in a new job, which may fail."""
        context = self._job(changed)
        return _processor_seconds(lambda: _tried(BuildDeb(), options, context))

    def maven(self, changed: Mapping[str, str]) -> float:
        """Of a Maven step in a new job."""
        context = self._job(changed)
        return _processor_seconds(lambda: MAVEN.run(MODULES, context))

    def by_hand(self) -> float:
        """Of the same Maven without this program; its downloads are those of an earlier job."""
        repository = Workspace(self._state, "job_1").maven_repository
        source = self._job({}).workspace.source
        command = ["mvn", "-B", "-ntp", "-q", "-T1C", "install"]
        command.append(f"-Dmaven.repo.local={repository}")
        return _processor_seconds(lambda: subprocess.run(command, cwd=source, check=True))

    def _compare(self, changed: Mapping[str, str]) -> None:
        contents = []
        for options in (PACKAGING, SCRATCH):
            context = self._job(changed)
            _tried(BuildDeb(), options, context)
            packages = sorted(context.workspace.packages.glob("*.deb"))
            contents.append([_members(package) for package in packages])
        if contents[0] != contents[1] or not contents[0]:
            raise SystemExit("a packaging with kept modules differs from one from scratch")

    def _job(self, changed: Mapping[str, str]) -> StepContext:
        self._jobs += 1
        workspace = Workspace(self._state, f"job_{self._jobs}", 1)
        write(workspace.source, changed)
        for arguments in (
            ("init", "--quiet", "-b", "main"),
            ("add", "."),
            ("-c", "user.name=b", "-c", "user.email=b@example.org", "commit", "-qm", "reactor"),
        ):
            subprocess.run(["git", "-C", str(workspace.source), *arguments], check=True)
        return StepContext(
            step="bench",
            request=Request(workspace.job_id),
            workspace=workspace,
            source=Source(repository=self._repository),
            commands=LoggedCommandRunner(
                workspace.log("bench"),
                marker=marker(workspace, "bench"),
                cancellation=Cancellation(),
            ),
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
            progress=lambda _: None,
        )


def _tried(kind: BuildDeb, options: BuildDebOptions, context: StepContext) -> None:
    try:
        kind.run(options, context)
    except StepFailed as error:
        if "C0.java" not in f"{error.message} {error.excerpt}":
            raise


def _members(package: Path) -> str:
    """Names, sizes, times and digests of all files in a package."""
    listed = subprocess.run(
        ["dpkg-deb", "--contents", str(package)], check=True, capture_output=True, text=True
    )
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "--extract", str(package), folder], check=True)
        find = ["find", ".", "-type", "f", "-exec", "sha256sum", "{}", "+"]
        sums = subprocess.run(find, cwd=folder, check=True, capture_output=True, text=True)
    without_times = [line.split()[:3] + line.split()[5:] for line in listed.stdout.splitlines()]
    return f"{without_times}\n{sorted(sums.stdout.splitlines())}"


def _processor_seconds(action: Callable[[], object]) -> float:
    before = _used()
    action()
    return _used() - before


def _used() -> float:
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _shares(seconds: Mapping[str, float]) -> dict[str, float]:
    whole = {name: seconds["by_hand" if name.startswith("maven_") else "full"] for name in LIMITS}
    return {name: seconds[name] / whole[name] for name in LIMITS}


def _median(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(r[name] for r in rounds), 3) for name in rounds[0]}


def main() -> None:
    """Measure, write and print JSON."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory(prefix="incremental-packaging-") as folder:
        bench = Bench(Path(folder))
        bench.package({}, SCRATCH)  # downloads
        bench.maven({})
        rounds = [bench.round(number) for number in range(count)]
    shares = _median([_shares(each) for each in rounds])
    figures: dict[str, Any] = {
        **machine(),
        "rounds": count,
        "processor_seconds": _median(rounds),
        "shares": shares,
        "kept": {name: shares[name] <= limit for name, limit in LIMITS.items()},
        "limits": LIMITS,
    }
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

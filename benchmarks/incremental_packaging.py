"""What kept modules save: packagings and Maven steps of a generated reactor with 42 modules.

    python -m benchmarks.incremental_packaging [--rounds N] [PART ...]

Parts: packaging, maven; both when none is named. The cases take turns in each of N rounds (3).
Figures are processor seconds of all processes of a step, medians; shares are those of the whole
build of the same round, by a builder that does not know yet that the modules are quick. The first
quick run makes the archive of classes, once for a builder, and is not measured. They go to
benchmarks/results/incremental_packaging.json; a part that was not run keeps its old ones.
"""

from __future__ import annotations

import argparse
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

from benchmarks import parts
from benchmarks.maven_builds import Request, commit_all, machine
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
"""The largest share of a packaging from scratch, or of the same Maven by hand."""


class Bench:
    """A builder with one job for each commit."""

    def __init__(self, folder: Path) -> None:
        self._state = folder
        self._jobs = 0
        self._repository = ""

    def packaging(self, number: int) -> dict[str, float]:
        """Processor seconds of each packaging."""
        self._repository = f"scratch-{number}"
        found = {"full": self.package({}, SCRATCH)}
        self._repository = f"round-{number}"  # nothing is kept of it yet
        leaf = dict([java(LEAF, 0, "// changed\n")])
        found["filling"] = self.package({})
        self.package({"debian/README.source": "hello\n"})  # makes the archive of classes
        found |= {
            "debian_only": self.package({"debian/README.Debian": "hello\n"}),
            "leaf": self.package(leaf),
            "ten_dependants": self.package(dict([java(BASE, 0, "// changed\n")])),
        }
        self._repository = f"failing-{number}"
        self.package(dict([java(LATE, 0, "broken\n")]))
        return found | {"after_failure_in_module_30": self.package({})}

    def maven(self, number: int) -> dict[str, float]:
        """Processor seconds of each Maven step."""
        self._repository = f"maven-{number}"
        generated = {"replace.properties": "packaging=none\n"}  # in packages by debian/rules
        found = {"by_hand": self.by_hand(generated), "maven_filling": self.step(generated)}
        self.step(generated | {"README": "hello\n"})  # makes the archive of classes
        leaf = dict([java(LEAF, 0, "// changed\n")])
        return found | {"maven_leaf": self.step(generated | leaf)}

    def package(self, changed: Mapping[str, str], options: BuildDebOptions = PACKAGING) -> float:
        """Of a packaging in a new job, which may fail."""
        context = self._job(changed)
        return _processor_seconds(lambda: _tried(BuildDeb(), options, context))

    def step(self, changed: Mapping[str, str]) -> float:
        """Of a Maven step in a new job."""
        context = self._job(changed)
        return _processor_seconds(lambda: MAVEN.run(MODULES, context))

    def by_hand(self, changed: Mapping[str, str]) -> float:
        """Of the same Maven without this program; its downloads are those of an earlier job."""
        repository = Workspace(self._state, "job_1").maven_repository
        source = self._job(changed).workspace.source
        command = ["mvn", "-B", "-ntp", "-q", "-T1C", "install"]
        command.append(f"-Dmaven.repo.local={repository}")
        return _processor_seconds(lambda: subprocess.run(command, cwd=source, check=True))

    def _job(self, changed: Mapping[str, str]) -> StepContext:
        self._jobs += 1
        workspace = Workspace(self._state, f"job_{self._jobs}", 1)
        write(workspace.source, changed)
        commit_all(workspace.source)
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


def _processor_seconds(action: Callable[[], object]) -> float:
    before = _used()
    action()
    seconds = _used() - before
    print(f"{seconds:.1f} s", file=sys.stderr, flush=True)
    return seconds


def _used() -> float:
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _figures(rounds: list[dict[str, float]]) -> dict[str, Any]:
    """Medians of the seconds and of the shares of each round's whole build."""
    seconds = {name: [each[name] for each in rounds] for name in rounds[0]}
    whole = "full" if "full" in seconds else "by_hand"
    shares = {
        name: statistics.median(each[name] / each[whole] for each in rounds)
        for name in seconds.keys() & LIMITS.keys()
    }
    return {
        **machine(),
        "rounds": len(rounds),
        "processor_seconds": {n: round(statistics.median(all_), 1) for n, all_ in seconds.items()},
        "shares": {name: round(share, 3) for name, share in sorted(shares.items())},
        "kept": {name: share <= LIMITS[name] for name, share in sorted(shares.items())},
    }


def main() -> None:
    """Measure, write and print JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    options = parts.parse(parser, ("packaging", "maven"))
    results = parts.earlier_results(RESULTS)
    with tempfile.TemporaryDirectory(prefix="incremental-packaging-") as folder:
        bench = Bench(Path(folder))
        bench.package({}, SCRATCH)  # downloads
        for part in options.parts:
            measure = getattr(bench, part)
            results[part] = _figures([measure(number) for number in range(options.rounds)])
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results))


if __name__ == "__main__":
    main()

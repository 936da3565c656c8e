"""The cost of a job's source tree: making it, and reading its content.

    python -m benchmarks.source_tree REPOSITORY [ROUNDS]

REPOSITORY is a clone, with CloudStack's size or more. The `git-checkout` step, with an existing
mirror, is compared with `git clone --shared` and `git checkout` by hand in turns. Figures are
medians of ROUNDS (5) in seconds of wall time; they go to benchmarks/results/source_tree.json.
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
from pathlib import Path

from benchmarks.maven_builds import Request, machine, timed
from pipelines.domain.pipeline import Source, StepContext
from pipelines.execution.source_tree.snapshot import scan
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.logged_command import LoggedCommandRunner
from pipelines.processes.tree import marker
from pipelines.steps.checkout import GIT_CHECKOUT, CheckoutOptions
from pipelines.workspace.layout import Workspace

RESULTS = Path(__file__).parent / "results" / "source_tree.json"
LIMITS = {"tree_to_by_hand": 1.3, "scan_of_60000_files": 0.5}
FILES = 60_000
FILES_OF_A_FOLDER = 100


def main() -> int:
    """Measure, write and print; returns 1 when a limit is missed."""
    repository = Path(sys.argv[1]).resolve()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory(prefix="source-tree-") as folder:
        figures = trees(Path(folder), repository, rounds)
        figures["scan_of_60000_files"] = scans(Path(folder) / "many", rounds)
    RESULTS.write_text(
        json.dumps({**machine(), "rounds": rounds, "figures": figures}, indent=1) + "\n"
    )
    print(json.dumps(figures, indent=1))
    missed = [name for name, limit in LIMITS.items() if figures[name] > limit]
    for name, limit in LIMITS.items():
        kept = "missed" if name in missed else "kept"
        print(f"{name}: {figures[name]}, limit {limit}: {kept}")
    return 1 if missed else 0


def trees(folder: Path, repository: Path, rounds: int) -> dict[str, float]:
    """Seconds of the step and by hand, and the number of files in the commit."""
    commit = _git("-C", str(repository), "rev-parse", "HEAD")
    step(folder, repository, commit, 0)  # makes the mirror
    mirror = next((folder / "state").rglob("HEAD")).parent
    ours, by_hand = [], []
    for number in range(1, rounds + 1):
        os.sync()  # nobody pays for what the other wrote
        ours.append(timed(lambda: step(folder, repository, commit, number)))  # noqa: B023
        os.sync()
        by_hand.append(timed(lambda: clone(folder / f"hand-{number}", mirror, commit)))  # noqa: B023
        shutil.rmtree(folder / f"hand-{number}")
    files = len(_git("-C", str(repository), "ls-tree", "-r", "--name-only", commit).splitlines())
    medians = (statistics.median(ours), statistics.median(by_hand))
    return {
        "files": files,
        "tree": round(medians[0], 2),
        "by_hand": round(medians[1], 2),
        "tree_to_by_hand": round(medians[0] / medians[1], 2),
    }


def step(folder: Path, repository: Path, commit: str, number: int) -> None:
    """The `git-checkout` step of a new job."""
    request = Request(f"job-{number}", commit=commit)
    workspace = Workspace(folder / "state", request.job_id, request.attempt)
    cancelled = Cancellation()
    commands = LoggedCommandRunner(
        workspace.log("git-checkout"),
        marker=marker(workspace, "git-checkout"),
        cancellation=cancelled,
    )
    context = StepContext(
        step="git-checkout",
        request=request,
        workspace=workspace,
        source=Source(repository=str(repository), submodules=False),
        commands=commands,
        env=dict(os.environ),
        progress=lambda _: None,
    )
    GIT_CHECKOUT.run(CheckoutOptions(), context)


def clone(target: Path, mirror: Path, commit: str) -> None:
    """A tree that shares the mirror's objects, as by hand."""
    _git("clone", "--quiet", "--shared", "--no-checkout", str(mirror), str(target))
    _git("-C", str(target), "checkout", "--quiet", "--detach", commit)


def scans(folder: Path, rounds: int) -> float:
    """Seconds to read names and stat of 60,000 files."""
    for number in range(0, FILES, FILES_OF_A_FOLDER):
        inner = folder / str(number)
        inner.mkdir(parents=True)
        for name in range(FILES_OF_A_FOLDER):
            (inner / str(name)).touch()
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        scan(folder)
        times.append(time.perf_counter() - begin)
    return round(statistics.median(times), 2)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())

"""The cost of the language: reading a large file, and `doit list` on the farm's own.

    python -m benchmarks.language [ROUNDS]

Reads and checks a file with 200 pipelines of 50 steps, in this process. Starts `doit list` here and
plain doit on an empty dodo file by turns, once before anything is measured: so Python has compiled
its modules, as it has for whoever uses the program a second time. Figures are medians of ROUNDS (5
when not given), in seconds of wall time and of CPU; a busy machine shows more in the first.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.language.load import read_pipelines
from pipelines.steps.registry import step_kinds

HOME = Path(__file__).parents[1]
PIPELINES, STEPS = 200, 50
LIMITS = {"read_seconds": 1.0, "list_more_seconds": 0.5}


def large_file() -> str:
    """Pipelines with steps of several kinds, parameters, references and conditions."""
    lines = ["pipelines:"]
    for number in range(PIPELINES):
        lines += [
            f"  p{number}:",
            f"    description: pipeline {number}",
            "    source: {repository: ./r.git}",
            "    params:",
            "      version: {type: string, default: x}",
            "    steps:",
        ]
        for step in range(STEPS):
            lines.append(f"      - name: s{step}")
            if step % 2:
                lines += [
                    f"        run: make part{step} V=${{{{ params.version }}}}",
                    "        timeout: 10m",
                ]
            else:
                lines += ["        uses: maven", "        with:", "          goals: [install]"]
                lines += ["          skip_tests: true"]
    return "\n".join(lines) + "\n"


def measured(run: Callable[[], object], cpu: Callable[[], float]) -> tuple[float, float]:
    """Seconds of wall time and of CPU that a call takes."""
    wall, used = time.perf_counter(), cpu()
    run()
    return time.perf_counter() - wall, cpu() - used


def children_cpu() -> float:
    """CPU seconds of all processes that were started here and have ended."""
    times = os.times()
    return times.children_user + times.children_system


def medians(rounds: list[tuple[float, float]]) -> dict[str, float]:
    """Of wall time and of CPU."""
    walls, used = zip(*rounds, strict=True)
    return {
        "wall": round(statistics.median(walls), 3),
        "cpu": round(statistics.median(used), 3),
    }


def read_figures(rounds: int) -> dict[str, float]:
    """Of reading and checking the large file."""
    kinds = step_kinds(lambda step, manifest: f"{step}{manifest!r}", dict)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipelines.yaml"
        path.write_text(large_file())
        found = []
        for _ in range(rounds):
            found.append(measured(lambda: read_pipelines(path, kinds), time.process_time))
        return medians(found)


def list_figures(rounds: int) -> dict[str, dict[str, float]]:
    """Of `doit list` with the farm's file, and of doit with an empty dodo file."""
    env = {**os.environ, "COORDINATION_REPOSITORY": "/nowhere"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "dodo.py").write_text("")

        def listing(place: Path) -> Callable[[], object]:
            command = [sys.executable, "-m", "doit", "list"]
            return lambda: subprocess.run(
                command, cwd=place, env=env, check=True, capture_output=True
            )

        bare, ours = listing(Path(folder)), listing(HOME)
        for run in (bare, ours):
            run()
        pairs = [
            (measured(bare, children_cpu), measured(ours, children_cpu)) for _ in range(rounds)
        ]
    return {"bare": medians([one for one, _ in pairs]), "ours": medians([two for _, two in pairs])}


def main(rounds: int) -> dict[str, Any]:
    """All figures, with the machine and its load."""
    read, lists = read_figures(rounds), list_figures(rounds)
    more = {kind: round(lists["ours"][kind] - lists["bare"][kind], 3) for kind in ("wall", "cpu")}
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "rounds": rounds,
        "limits": LIMITS,
        f"read_{PIPELINES}_pipelines_of_{STEPS}_steps": read,
        "doit_list": {**lists, "more": more},
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5), indent=1))

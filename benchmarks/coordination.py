"""The performance of the coordination store: latency, contention, an open loop, commits, growth.

    python -m benchmarks.coordination [--quick] [PART ...]

Parts: latency, contention, open_loop, job_commits, growth; all when none is named. Everything runs
on this host, on temporary repositories behind servers on 127.0.0.1. The figures go to
benchmarks/results/coordination.json with machine, date and load (a part that was not run keeps its
old ones), and a table to stdout. `--quick` takes fewer rounds, and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import contention, growth, job_commits, latency, open_loop, parts
from benchmarks.coordination_report import lines, misses

RESULTS = Path(__file__).parent / "results" / "coordination.json"
PROCESSES = (1, 4, 8, 16, 32)
QUEUE = 200
SEED = 20251125


def _latency(folder: Path, quick: bool) -> Any:
    return [latency.measure(folder, way, 10 if quick else 60) for way in latency.TRANSPORTS]


def _contention(folder: Path, quick: bool) -> Any:
    queue = 64 if quick else QUEUE
    return {
        "until_empty": [contention.measure(folder, n, queue, None) for n in PROCESSES],
        "one_each": [contention.measure(folder, n, queue, 1) for n in PROCESSES],
    }


def _open_loop(folder: Path, quick: bool) -> Any:
    return open_loop.measure(folder, 32, 2.0, 15.0 if quick else 120.0, SEED)


def _job_commits(folder: Path, quick: bool) -> Any:
    return job_commits.measure(folder, 3 if quick else 10)


def _growth(folder: Path, quick: bool) -> Any:
    return growth.measure(folder, 1000 if quick else 10_000, 10 if quick else 40)


PARTS: dict[str, Callable[[Path, bool], Any]] = {
    "latency": _latency,
    "contention": _contention,
    "open_loop": _open_loop,
    "job_commits": _job_commits,
    "growth": _growth,
}


def measure(part: str, quick: bool) -> dict[str, Any]:
    """The figures of a part, with date, machine and load before and after."""
    before = _load()
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        figures = PARTS[part](Path(folder), quick)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": _machine(),
        "load_before": before,
        "load_after": _load(),
        "figures": figures,
    }


def main() -> int:
    """0 when all limits are kept, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer rounds; writes nothing")
    options = parts.parse(parser, PARTS)
    results = parts.earlier_results(RESULTS)
    missed: list[str] = []
    for part in options.parts:
        results[part] = measure(part, options.quick)
        print("\n".join(lines(part, results[part])), flush=True)
        missed += misses(part, results[part]["figures"])
        if not options.quick:
            kept = {name: results[name] for name in PARTS if name in results}
            RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    for miss in missed:
        print(f"missed: {miss}")
    return 1 if missed else 0


def _machine() -> str:
    git = subprocess.check_output(["git", "--version"], text=True).split()[-1]
    kind = f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}"
    return f"{kind}, Python {platform.python_version()}, git {git}"


def _load() -> float:
    return round(os.getloadavg()[0], 1)


if __name__ == "__main__":
    sys.exit(main())

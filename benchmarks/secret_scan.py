"""The scanner for secrets: what it finds, what it takes for one by mistake, and its time.

    python -m benchmarks.secret_scan [--rounds N] LOG...

The logs are real ones, in which nothing is secret: every finding counts as a mistake. The time is
processor time for all of them, the median of the rounds (3), as a multiple of that of the scanner
before the table of formats (commit BEFORE), in turns. Shapes are made at random, 20 times each.
Figures go to benchmarks/results/secret_scan.json.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.maven_builds import machine
from coordination_tasks.domain import secret_scan
from tests.support.coordination.secret_shapes import SHAPES, made_shapes

BEFORE = "6420f52"
RESULTS = Path(__file__).parent / "results" / "secret_scan.json"
MAKINGS = 20
MOST_TIME = 1.5
MOST_MISTAKES = 1 / 500_000
LEAST_FOUND = 0.95

Findings = Callable[[str], Iterable[Any]]


def main() -> int:
    """Measure, write and print; returns 1 when a limit is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("logs", nargs="+", type=Path)
    given = parser.parse_args()
    texts = [path.read_text(errors="replace") for path in given.logs]
    lines = sum(text.count("\n") for text in texts)
    before, now = scanner_of(BEFORE).findings, secret_scan.findings
    seconds: dict[Findings, list[float]] = {before: [], now: []}
    mistakes = 0
    for _ in range(given.rounds):
        for findings, measured in seconds.items():
            began = time.process_time()
            mistakes = sum(1 for text in texts for _ in findings(text))
            measured.append(time.process_time() - began)
    figures = {
        "lines": lines,
        "rounds": given.rounds,
        "mistakes": mistakes,
        "seconds": round(statistics.median(seconds[now]), 2),
        "seconds_before": round(statistics.median(seconds[before]), 2),
        "shapes": len(SHAPES),
        "found": share_found(now),
        "found_before": share_found(before),
    }
    RESULTS.write_text(json.dumps({**machine(), "figures": figures}, indent=1) + "\n")
    print(json.dumps(figures, indent=1))
    kept = (
        figures["seconds"] <= MOST_TIME * figures["seconds_before"],
        mistakes <= max(1, lines * MOST_MISTAKES),
        figures["found"] >= LEAST_FOUND,
    )
    return 0 if all(kept) else 1


def scanner_of(commit: str) -> ModuleType:
    """The module as it was in that commit."""
    place = f"{commit}:coordination_tasks/domain/secret_scan.py"
    shown = subprocess.run(["git", "show", place], check=True, capture_output=True, text=True)
    module = ModuleType("secret_scan_before")
    sys.modules[module.__name__] = module
    exec(compile(shown.stdout, place, "exec"), module.__dict__)
    return module


def share_found(findings: Findings) -> float:
    """Of the shapes, each made anew MAKINGS times."""
    made = [text for seed in range(MAKINGS) for _, text in made_shapes(random.Random(seed))]
    return round(_count(findings, made) / len(made), 4)


def _count(findings: Findings, texts: Sequence[str]) -> int:
    return sum(any(True for _ in findings(text)) for text in texts)


if __name__ == "__main__":
    sys.exit(main())

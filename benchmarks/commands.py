"""The cost of commands relative to a bare `doit list`, in processor time.

    python -m benchmarks.commands [--rounds N]

A farm of 4 builders and 20 jobs on a file remote in a temporary folder. In each of N rounds (9) the
commands run one after the other, the bare `doit list` on a dodo file of one task among them, so
that a busy moment of the machine meets them all. Figures are medians of seconds of processor time,
user and system, with the processes that a command starts. They go to
benchmarks/results/commands.json with machine, date and load, and to stdout with each limit: kept or
missed. What keeps the figures low is tested by tests/integration/cli/test_imports.py.
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
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.maven_builds import machine
from benchmarks.rerun import SIX, Farm

HOME = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "commands.json"
BUILDERS, JOBS = 4, 20
LIMITS = {"jobs": 3.0, "status": 3.0, "build_nothing_to_do": 5.0}
"""The maximum cost of a command, as a multiple of the bare `doit list`."""


def commands(folder: Path) -> dict[str, Callable[[], object]]:
    """The measured commands, by name, on a new farm in `folder`."""
    farm = Farm(folder)
    farm.pipelines(SIX)
    jobs = [farm.enqueue("six") for _ in range(JOBS)]
    farm.build(jobs[0])
    _show_builders(farm)
    (folder / "bare").mkdir()
    (folder / "bare" / "dodo.py").write_text("def task_one():\n    return {'actions': None}\n")
    bare = [sys.executable, "-m", "doit", "list"]
    return {
        "bare": lambda: subprocess.run(
            bare, cwd=folder / "bare", check=True, stdout=subprocess.DEVNULL
        ),
        "jobs": lambda: farm.doit("jobs"),
        "status": lambda: farm.doit("status"),
        "build_nothing_to_do": lambda: farm.build(jobs[0]),
    }


def _show_builders(farm: Farm) -> None:
    """Let all builders but the one that builds send heartbeats; it has sent one with its build."""
    env = {**os.environ, "BUILDER_CONFIG": str(farm.folder / "builder.yaml")}
    watches = [
        subprocess.Popen(
            [sys.executable, "-m", "doit", "watch", "--builder", f"builder-{number}"],
            cwd=HOME,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(1, BUILDERS)
    ]
    try:
        until = time.monotonic() + 60
        while (found := len(_builders(farm))) < BUILDERS:
            if time.monotonic() > until:
                raise TimeoutError(f"only {found} of {BUILDERS} builders sent a heartbeat in 60 s")
            time.sleep(0.5)
    finally:
        for watch in watches:
            watch.terminate()
            watch.wait()


def _builders(farm: Farm) -> list[Any]:
    found: list[Any] = json.loads(farm.doit("status", "--json")[0])["builders"]
    return found


def _cpu(command: Callable[[], object]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(rounds: int) -> dict[str, Any]:
    """Seconds of each command and its ratio to the bare one, with machine, date and load."""
    where = machine()
    with tempfile.TemporaryDirectory(prefix="commands-") as folder:
        measured = commands(Path(folder))
        for command in measured.values():  # Python writes its bytecode once
            command()
        found = [{name: _cpu(command) for name, command in measured.items()} for _ in range(rounds)]
    seconds = {name: statistics.median(each[name] for each in found) for name in measured}
    return {
        **where,
        "rounds": rounds,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "to_bare": {name: round(seconds[name] / seconds["bare"], 2) for name in LIMITS},
    }


def main() -> int:
    """0 when all limits are kept, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9)
    figures = measure(parser.parse_args().rounds)
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))
    for name, most in LIMITS.items():
        ratio = figures["to_bare"][name]
        print(f"{'kept' if ratio <= most else 'missed'}: {name} {ratio} x, at most {most} x")
    return 1 if any(figures["to_bare"][name] > most for name, most in LIMITS.items()) else 0


if __name__ == "__main__":
    sys.exit(main())

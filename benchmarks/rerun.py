"""The cost of a second try, and the time that the orchestration adds to the steps' own.

    python -m benchmarks.rerun [--rounds N] [PART ...]

Parts: nothing_changed, six_steps, large_graph, maven; all when none is named. Real `doit build`
processes with file remotes in a temporary folder; Maven and dpkg are real. Figures are medians of N
rounds (3), in seconds of wall time. They go to benchmarks/results/rerun.json with machine, date and
load (a part that was not run keeps its old ones), and to stdout with each limit: kept or missed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import parts
from benchmarks.maven_builds import Bench, machine, timed

HOME = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "rerun.json"
LIMITS = {
    "nothing_changed": {"nothing_changed": 1.5, "programs_started_by_reruns": 0},
    "six_steps": {"overhead": 2.0},
    "large_graph": {"to_plain_doit": 2.0},
    "maven": {"rerun_to_full": 0.5},
}
"""The maximum of each figure of a part."""
STEPS = 1000
WATCHED = re.compile(r"mvn|java|(dpkg|dh|apt|deb|lintian|equivs|mk-build).*")

SIX = """
pipelines:
  six:
    description: six steps, four of which take a known time
    source: {repository: ./sample.git}
    steps:
      - uses: git-checkout
      - {name: one, run: sleep 0.3}
      - {name: two, run: sleep 0.3}
      - {name: three, run: sleep 0.3}
      - {name: four, run: sleep 0.3}
      - {uses: publish-status, when: always}
"""
PLAIN = """
def task_step():
    for number in range({count}):
        yield {{
            "name": str(number),
            "actions": ["true"],
            "uptodate": [True] if {known} else [False],
        }}
"""


class Farm:
    """One builder with file remotes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(
            ["git", "init", "--quiet", "--bare", "-b", "main", str(folder / "coordination.git")],
            check=True,
        )
        script = str(HOME / "scripts" / "make-source")
        sample = str(HOME / "examples" / "sample")
        subprocess.run([script, sample, str(folder / "sample.git")], check=True)
        (folder / "builder.yaml").write_text(
            "builder: bench\ncoordination_repository: ./coordination.git\nstate_dir: ./state\n"
            "pipelines_file: ./pipelines.yaml\npushes_per_minute: 600\nmin_free: 0\n"
            f"sandbox_paths: {{{folder}: write}}\n"  # the watchers are in it
        )

    def pipelines(self, text: str) -> None:
        """The farm's pipelines from now on."""
        (self.folder / "pipelines.yaml").write_text(text)

    def doit(self, *words: str, first_on_path: str = "") -> tuple[str, float]:
        """What it printed and how long it took. Raises CalledProcessError."""
        path = os.environ["PATH"]
        env = {
            **os.environ,
            "BUILDER_CONFIG": str(self.folder / "builder.yaml"),
            "PATH": f"{first_on_path}:{path}" if first_on_path else path,
        }
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # a person's Python keeps bytecode
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "doit", *words],
            cwd=HOME, env=env, check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return done.stdout, time.monotonic() - start

    def enqueue(self, pipeline: str) -> str:
        """Id of a new job."""
        return self.doit("enqueue", "--pipeline", pipeline, "--branch", "main")[0].strip()

    def build(self, job: str, first_on_path: str = "") -> float:
        """Seconds of `doit build`."""
        return self.doit("build", "--job", job, first_on_path=first_on_path)[1]

    def step_seconds(self, job: str) -> float:
        """The steps' own time, all together."""
        told = json.loads(self.doit("status", "--job", job, "--json")[0])
        return float(sum(t["duration_seconds"] or 0 for t in told["transitions"] if t["step"]))


def watchers(folder: Path, log: Path) -> str:
    """A folder for PATH: each program of Maven, Java and packaging tells `log` that it starts."""
    home = folder / "watched"
    (home / "bin").mkdir(parents=True)
    for name in sorted(filter(WATCHED.fullmatch, os.listdir("/usr/bin"))):  # noqa: PTH208
        shim = home / "bin" / name
        shim.write_text(f'#!/bin/sh\necho {name} >> {log}\nexec /usr/bin/{name} "$@"\n')
        shim.chmod(0o755)
    # versions are read from files beside the programs
    for program, beside in (("mvn", "lib"), ("java", "release")):
        real = Path(shutil.which(program) or program).resolve().parents[1] / beside
        (home / beside).symlink_to(real)
    return str(home / "bin")


def nothing_changed(folder: Path, rounds: int) -> dict[str, Any]:
    """The shipped sample pipeline, built, and then built again."""
    farm, log = Farm(folder), folder / "started"
    text = (HOME / "pipelines.yaml").read_text()
    farm.pipelines(text.replace("./.quickstart/sample.git", "./sample.git"))
    job = farm.enqueue("sample")
    log.touch()
    watched = watchers(folder, log)
    first = farm.build(job, watched)
    started_first = log.read_text().split()
    log.write_text("")
    before = _cpu_of_children()
    again = [farm.build(job, watched) for _ in range(rounds)]
    cpu = (_cpu_of_children() - before) / rounds
    return {
        "first_build": round(first, 2),
        "programs_started_by_first_build": len(started_first),
        "nothing_changed": round(statistics.median(again), 2),
        "nothing_changed_cpu": round(cpu, 2),
        "programs_started_by_reruns": len(log.read_text().split()),
    }


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def six_steps(folder: Path, rounds: int) -> dict[str, float]:
    """The time of `doit build` besides the steps of a job of six."""
    farm = Farm(folder)
    farm.pipelines(SIX)
    found = []
    for number in range(rounds):
        # each a job of its own: results must not be taken from another
        farm.pipelines(SIX.replace("0.3}", f"0.3; true {number}}}"))
        job = farm.enqueue("six")
        wall = farm.build(job)
        found.append((wall, farm.step_seconds(job)))
    return {
        "wall": round(statistics.median(wall for wall, _ in found), 2),
        "steps": round(statistics.median(steps for _, steps in found), 2),
        "overhead": round(statistics.median(wall - steps for wall, steps in found), 2),
    }


def large_graph(folder: Path, rounds: int) -> dict[str, float]:  # noqa: ARG001 - takes minutes
    """1,000 steps, run and then up to date, and the same tasks in plain doit."""
    farm = Farm(folder)
    # plain doit has sh too
    step = "      - {{name: s{}, needs: git-checkout, run: 'true', shell: sh}}\n"
    steps = "      - uses: git-checkout\n" + "".join(map(step.format, range(STEPS)))
    farm.pipelines(
        "pipelines:\n  large:\n    description: many steps\n"
        f"    source: {{repository: ./sample.git}}\n    steps:\n{steps}"
    )
    job = farm.enqueue("large")
    ours, again = farm.build(job), farm.build(job)
    seconds = {"ours": ours, "ours_up_to_date": again}
    for name, known in (("plain", False), ("plain_up_to_date", True)):
        (folder / "dodo.py").write_text(PLAIN.format(count=STEPS, known=known))
        start = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "doit"], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        seconds[name] = time.monotonic() - start
    seconds["to_plain_doit"] = seconds["ours"] / seconds["plain"]
    return {name: round(value, 2) for name, value in seconds.items()}


def maven(folder: Path, rounds: int) -> dict[str, float]:
    """A builder's first build of the sample, which downloads; a full one later; and a rerun.

    The rerun comes after a test failed in module 3 of 4.
    """
    bench = Bench(folder)
    first = timed(bench.full)  # downloads
    pairs = [(timed(bench.full), bench.rerun()) for _ in range(rounds)]
    full = statistics.median(pair[0] for pair in pairs)
    rerun = statistics.median(pair[1] for pair in pairs)
    return {
        "first": round(first, 2),
        "full": round(full, 2),
        "rerun": round(rerun, 2),
        "rerun_to_first": round(rerun / first, 2),
        "rerun_to_full": round(rerun / full, 2),
    }


PARTS: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "nothing_changed": nothing_changed,
    "six_steps": six_steps,
    "large_graph": large_graph,
    "maven": maven,
}


def measure(part: str, rounds: int) -> dict[str, Any]:
    """The figures of a part, with date, machine and the load before it."""
    where = machine()
    with tempfile.TemporaryDirectory(prefix="rerun-") as folder:
        return {**where, "rounds": rounds, "figures": PARTS[part](Path(folder), rounds)}


def main() -> int:
    """0 when all limits are kept, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    options = parts.parse(parser, PARTS)
    results = parts.earlier_results(RESULTS)
    missed = False
    for part in options.parts:
        results[part] = measure(part, options.rounds)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        print(part, json.dumps(results[part]), flush=True)
        for name, most in LIMITS[part].items():
            found = results[part]["figures"][name]
            missed |= found > most
            print(f"{'kept' if found <= most else 'missed'}: {part} {name} {found}, at most {most}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The cost of the farm's pages, static and served, on a large farm.

    python -m benchmarks.web [--seconds N] [PART ...]

Parts: static, serve, browser, buildbot; all when none is named. The farm is that of
benchmarks/large_farm.py: 200 builders and 5,000 jobs on a file remote in a temporary folder.

static    `doit page` into an empty folder, and again after one job changed: seconds of processor
          time of the commands, and of writing the pages alone, after the farm was read.
serve     `doit serve` with 50 readers that listen for changes and fetch the farm page once a second
          each, while 20 commits a second arrive, for N seconds (30): milliseconds of an answer, the
          most memory, the server's processor time; seconds from a commit to the event that readers
          get, on a quiet farm.
browser   The size of the farm page with all that it loads, and the time until headless Chromium
          has loaded it.

buildbot  For comparison, with no limit: the same readers fetch from Buildbot's server the four
          answers that a page with all builders, workers and the newest 200 builds is made of, while
          nothing changes; and headless Chromium loads its first page.

The readers are a process of their own on the same cores. Figures go to benchmarks/results/web.json
with machine, date and load (a part that was not run keeps its old ones), and to stdout with each
limit: kept or missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Literal

import psutil

from benchmarks import parts
from benchmarks.buildbot import DATA, buildbot
from benchmarks.large_farm import HOME, LargeFarm
from benchmarks.maven_builds import machine
from benchmarks.web_readers import event_times, fetched

RESULTS = Path(__file__).parent / "results" / "web.json"
JOBS, BUILDERS, COMMITS = 5000, 200, 20
"""Of the farm; commits a second."""
LIMITS = {
    "static": {"full_write": 3.0, "change_write": 0.3},
    "serve": {"p99_ms": 50.0, "memory_mb": 150.0, "event_after": 2.0},
    "browser": {"page_kb": 150.0, "loaded_after": 1.0},
    "buildbot": {},
}
"""The maximum of each figure of a part."""
_WAIT = 60.0
_TIMES = """() => {
  const own = performance.getEntriesByType('navigation')[0];
  const all = [own, ...performance.getEntriesByType('resource')];
  const bytes = all.reduce((sum, each) => sum + each.encodedBodySize, 0);
  return {bytes, seconds: own.loadEventEnd / 1000};
}"""


def static(farm: LargeFarm, folder: Path, _seconds: float) -> dict[str, float]:
    """Seconds of processor time."""
    out = folder / "site"
    farm.cpu("status")  # the first contact
    full = farm.cpu(f"page --out {out}")
    files = sum(path.is_file() for path in out.rglob("*"))
    farm.change_job(JOBS // 2)
    change = farm.cpu(f"page --out {out}")
    writes = _writes(farm, folder / "site-of-writes")
    return {"full_command": full, "change_command": change, "files": files, **writes}


def _writes(farm: LargeFarm, out: Path) -> dict[str, float]:
    from coordination_tasks.commands.views.farm_view import read_farm  # noqa: PLC0415
    from coordination_tasks.commands.views.job_filter import JobFilter  # noqa: PLC0415
    from coordination_tasks.domain.timestamps import utc_now  # noqa: PLC0415
    from coordination_tasks.web.farm_facts import Moment, farm_facts  # noqa: PLC0415
    from coordination_tasks.web.site import Site  # noqa: PLC0415
    from coordination_tasks.wiring.reading import farm_overview, open_reading  # noqa: PLC0415

    os.environ.update(farm.environment)
    from dodo import FARM  # noqa: PLC0415

    config, site = FARM.config(), Site(out)

    def write() -> float:
        with open_reading(config, print) as reading:
            live = farm_overview(reading.config, reading.snapshot)
            view = read_farm(reading.snapshot, live, JobFilter(), config.lease, print)
            began = time.process_time()
            facts = farm_facts(view, Moment(as_of=utc_now(), problem=""), 200)
            site.write(facts, reading.snapshot)
            return time.process_time() - began

    full = write()
    farm.change_job(JOBS // 2 + 1)
    return {"full_write": full, "change_write": write()}


@contextmanager
def served(farm: LargeFarm) -> Iterator[tuple[str, psutil.Process]]:
    """`doit serve` on a free port of this machine: its address, and its process."""
    command = [sys.executable, "-m", "doit", "serve", "--port", "0"]
    server = subprocess.Popen(
        command, cwd=HOME, env=farm.environment, stderr=subprocess.PIPE, text=True
    )
    try:
        line = server.stderr.readline() if server.stderr else ""
        [url] = [word for word in line.split() if word.startswith("http")]
        until = time.monotonic() + _WAIT
        while asyncio.run(fetched(url))[0] != "200":
            if time.monotonic() > until:
                raise TimeoutError(f"no page in {_WAIT} s")
            time.sleep(0.2)
        yield url, psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait()


def serve(farm: LargeFarm, _folder: Path, seconds: float) -> dict[str, float]:
    """Milliseconds of an answer, megabytes, seconds."""
    numbers, end = count(), threading.Event()

    def change() -> None:
        farm.change_status(next(numbers) % BUILDERS)

    with served(farm) as (url, process):
        after = asyncio.run(event_times(url, change))
        before = _cpu(process)
        writer = threading.Thread(target=_repeat, args=(change, 1 / COMMITS, end))
        writer.start()
        try:
            readers = _read(url, seconds)
        finally:
            end.set()
            writer.join()
        return {
            **readers,
            "commits": next(numbers),
            "memory_mb": _most_memory(process.pid),
            "cpu_seconds_a_second": (_cpu(process) - before) / seconds,
            "event_after": statistics.median(after),
        }


def _read(url: str, seconds: float, *paths: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.web_readers", url, str(seconds), *paths]
    done = subprocess.run(command, check=True, cwd=HOME, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _cpu(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:4])


def _repeat(action: Callable[[], None], seconds: float, end: threading.Event) -> None:
    due = time.monotonic()
    while not end.is_set():
        action()
        due = max(due + seconds, time.monotonic() - seconds)
        end.wait(max(0.0, due - time.monotonic()))


def _most_memory(pid: int) -> float:
    """The most resident memory that the process has had, in millions of bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [kilobytes] = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(kilobytes) * 1024 / 1e6


def browser(farm: LargeFarm, _folder: Path, _seconds: float) -> dict[str, float]:
    """Kilobytes on the line, and seconds."""
    with served(farm) as (url, _):
        return _loaded(url, "load")


def _loaded(url: str, until: Literal["load", "networkidle"]) -> dict[str, float]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as player:
        path = shutil.which("chromium")
        chromium = player.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = chromium.new_page()
        found = []
        for _round in range(3):
            page.goto(url, wait_until=until)
            found.append(page.evaluate(_TIMES))
        chromium.close()
    return {
        "page_kb": max(each["bytes"] for each in found) / 1000,
        "loaded_after": statistics.median(each["seconds"] for each in found),
    }


def beside(_farm: LargeFarm, folder: Path, seconds: float) -> dict[str, float]:
    """The same of Buildbot."""
    with buildbot(folder / "buildbot", JOBS, BUILDERS) as (url, process):
        before, began = _cpu(process), time.monotonic()
        readers = _read(url, seconds, *DATA)
        cpu = (_cpu(process) - before) / (time.monotonic() - began)  # the last answers come late
        memory = _most_memory(process.pid)
        loaded = _loaded(url, "networkidle")
    return {**readers, "memory_mb": memory, "cpu_seconds_a_second": cpu, **loaded}


PARTS = {"static": static, "serve": serve, "browser": browser, "buildbot": beside}


def main() -> int:
    """0 when all limits are kept, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parts.parse(parser, PARTS)
    results = parts.earlier_results(RESULTS)
    kept = True
    for part in options.parts:
        where = machine()
        with tempfile.TemporaryDirectory(prefix="web-") as folder:
            farm = LargeFarm(Path(folder), JOBS, BUILDERS)
            measured = PARTS[part](farm, Path(folder), options.seconds)
        figures = {name: round(value, 3) for name, value in measured.items()}
        results[part] = {**where, "figures": figures}
        print(f"{part}: {json.dumps(figures)}")
        for name, most in LIMITS[part].items():
            kept &= figures[name] <= most
            word = "kept" if figures[name] <= most else "missed"
            print(f"{word}: {name} {figures[name]}, at most {most}")
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

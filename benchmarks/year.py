"""The repository after a year: 20,000 jobs with logs, manifests and archives, then shrunk.

`python -m benchmarks.year` takes some ten minutes on a quiet machine, and stops making jobs after
`--minutes`. With `--jobs` it makes a shorter history at the same pace.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.fast_import import FastImport
from benchmarks.growth import AGES
from benchmarks.maven_builds import machine
from benchmarks.remotes import bare_repository, commits_on_main, git
from benchmarks.transactions import PIPELINES, job, step
from common.states import State
from coordination_tasks.domain.model import BuilderProfile
from coordination_tasks.farm.housekeeping import Housekeeping
from coordination_tasks.repository.heartbeats import own_place
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.store import Store

RESULTS = Path(__file__).parent / "results" / "year.json"
SHRINK = Path(__file__).parents[1] / "scripts" / "shrink-repository"
JOBS, DAYS, BUILDERS = 20_000, 365, 10
JOBS_A_DAY = JOBS / DAYS
FAILED_ONE_IN = 10
LOG_BYTES = 64 * 1024
"""Of a failed job, the default of `logs.failed`."""
MOST_BYTES_A_JOB = 50_000
"""Limit: 1 GB a year at 20,000 jobs; hosts recommend less."""
MOST_SHRUNK = 0.5
"""Limit: the part that is left when 30 days of history are kept, besides the files of today."""
_WORDS = [f"org.apache.cloudstack.module{n}.SomeClass{n}" for n in range(500)]


def grow(remote: Path, jobs: int, deadline: float) -> int:
    """Builders make up to `jobs` jobs, at the pace of the year; returns how many they made."""
    day = timedelta(days=1)
    now = datetime.now(UTC) - day * (jobs / JOBS_A_DAY)
    chance = random.Random(20_000)
    with FastImport(remote, lambda: now) as repository:
        stores = [
            Store(repository, _profile(f"build{n}"), clock=lambda: now) for n in range(BUILDERS)
        ]
        made = 0
        for made in range(1, jobs + 1):
            store = stores[made % BUILDERS]
            _make(store, f"job_{int(now.timestamp())}_{made:05}", now, chance)
            now += day / JOBS_A_DAY
            if made % int(JOBS_A_DAY) == 0:
                _keep_house(store, now)
                if time.monotonic() > deadline:
                    break
        _keep_house(stores[0], now)
    return made


def _profile(name: str) -> BuilderProfile:
    """As builder.yaml makes it: without heartbeats of its own, it would be of an older program."""
    return BuilderProfile(id=name, heartbeats_at=own_place(name), lease=300.0)


def _make(store: Store, job_id: str, now: datetime, chance: random.Random) -> None:
    """The five commits of a job."""
    store.enqueue(job(job_id))
    attempt = store.claim(claim_id=f"{job_id}-1", pipelines=PIPELINES)
    steps = [step(attempt, f"step{n}", now) for n in range(4)]
    store.record(attempt, steps[0])
    store.record(attempt, steps[1])
    fails = chance.randrange(FAILED_ONE_IN) == 0
    done = Completion(
        state=State.FAILED if fails else State.SUCCEEDED,
        reason="step step3: exit code 1" if fails else "all steps succeeded",
        manifest=None if fails else _manifest(job_id),
        artifacts=() if fails else ("cloudstack-agent_4.21_all.deb",),
        transitions=tuple(transition for pair in steps[2:] for transition in pair),
        log=_log(chance) if fails else "",
    )
    store.complete(attempt, done)


def _manifest(job_id: str) -> bytes:
    """With digests, which no compression makes smaller."""
    artifacts = []
    for number in range(8):
        name = f"package-{number}_4.21_all.deb"
        seed = f"{job_id}/{name}".encode()
        digests = {kind: hashlib.new(kind, seed).hexdigest() for kind in ("sha256", "sha512")}
        artifacts.append({"name": name, "path": name, "size_bytes": 1, "checksums": digests})
    return json.dumps({"job_id": job_id, "artifacts": artifacts}, indent=2).encode()


def _log(chance: random.Random) -> str:
    lines, size = [], 0
    while size < LOG_BYTES:
        word, seconds = chance.choice(_WORDS), chance.random()
        lines.append(f"[INFO] Running {word} Tests run: {chance.randrange(99)}, {seconds:.3f} s")
        size += len(lines[-1]) + 1
    return "\n".join(lines)


def _keep_house(store: Store, now: datetime) -> None:
    Housekeeping(store=store, ages=AGES, now=now, notice=_fail).run()


def _fail(line: str) -> None:
    raise AssertionError(line)


def measure(folder: Path, jobs: int, minutes: float) -> dict[str, Any]:
    """Sizes in bytes, before and after the history was shrunk."""
    remote = bare_repository(folder / "year.git")
    began = time.monotonic()
    made = grow(remote, jobs, began + minutes * 60)
    # what is pushed arrives as loose objects, which `git gc` stores as differences; those of
    # fast-import are in packs without them, which it would take over
    git(remote, "repack", "-a", "-d", "-f", "-q")
    size, commits = _bytes(remote), commits_on_main(remote)
    shrunk = folder / "shrunk.git"
    shutil.copytree(remote, shrunk)
    subprocess.run([SHRINK, shrunk], check=True, stdout=subprocess.DEVNULL)
    return {
        "jobs": made,
        "made_in_s": round(time.monotonic() - began, 1),
        "commits": commits,
        "megabytes": round(size / 1e6, 1),
        "bytes_a_job": round(size / made),
        "megabytes_a_year": round(size / made * JOBS / 1e6, 1),
        "files_at_the_tip_megabytes": round(_tip_bytes(remote) / 1e6, 1),
        "shrunk_commits": commits_on_main(shrunk),
        "shrunk_megabytes": round(_bytes(shrunk) / 1e6, 1),
        "shrunk_part": round(_bytes(shrunk) / size, 3),
    }


def _tip_bytes(remote: Path) -> int:
    listed = git(remote, "ls-tree", "-r", "-l", "main").splitlines()
    return sum(int(line.split()[3]) for line in listed)


def _bytes(remote: Path) -> int:
    return sum(path.stat().st_size for path in remote.rglob("*") if path.is_file())


def main() -> int:
    """0 when both limits are kept, 1 when not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--minutes", type=float, default=20.0, help="for making the jobs")
    given = parser.parse_args()
    where = machine()
    with tempfile.TemporaryDirectory(prefix="year-") as folder:
        figures = {**where, **measure(Path(folder), given.jobs, given.minutes)}
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))
    kept = {
        f"bytes a job: {figures['bytes_a_job']}, at most {MOST_BYTES_A_JOB}": (
            figures["bytes_a_job"] <= MOST_BYTES_A_JOB
        ),
        f"part after shrinking: {figures['shrunk_part']}, at most {MOST_SHRUNK}": (
            figures["shrunk_part"] <= MOST_SHRUNK
        ),
    }
    for text, is_kept in kept.items():
        print(f"{'kept' if is_kept else 'missed'}: {text}")
    return 0 if all(kept.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

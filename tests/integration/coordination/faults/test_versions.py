"""Builders of this version and of the last release share one farm; what is unknown is kept."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.conftest import HOME, PATIENCE, Farm

LAST_RELEASE = "8f04bb1"


def test_what_a_later_version_writes_is_kept_and_shown(farm: Farm) -> None:
    job = farm.enqueue()
    document = json.loads(farm.read("coordination/jobs.json"))
    later = {"id": "later", "pipeline": "ledger", "status": "paused", "gate": {"by": "x"}}
    document["jobs"][0]["gate"] = {"by": "y"}
    document["jobs"].append(later)
    farm.write("coordination/jobs.json", json.dumps(document))
    farm.write("coordination/later.json", '{"x": 1}')

    assert farm.doit("build").returncode == 0

    assert farm.job("later") == later
    assert farm.job(job)["gate"] == {"by": "y"}
    assert farm.read("coordination/later.json") == '{"x": 1}'
    told = "coordination/jobs.json: entry 2 (job later) has unknown status 'paused'"
    for command in ("jobs", "status", "fsck"):
        done = farm.doit(command)
        assert told in done.stdout + done.stderr, command


def test_transitions_of_a_later_version_are_kept_and_shown(farm: Farm) -> None:
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0
    [path] = [p for p in farm.files() if job in p and p.endswith("001.jsonl")]
    paused = {"id": "p", "job": job, "attempt": 1, "from": "running", "to": "paused",
              "at": "2026-11-30T00:00:00Z", "step": "first"}  # fmt: skip
    farm.write(path, farm.read(path) + "\n" + json.dumps(paused) + "\n")

    assert farm.doit("rerun", job).returncode == 0

    assert json.dumps(paused) in farm.read(path)
    assert "has an unknown state in `to`" in farm.doit("fsck").stdout
    assert farm.job(job)["status"] == "completed"


@pytest.mark.slow
def test_the_last_release_and_this_version_share_a_farm(farm: Farm) -> None:
    old = farm.folder / "last-release"
    packed = subprocess.run(
        ["git", "archive", LAST_RELEASE], cwd=HOME, capture_output=True, check=False
    )
    if packed.returncode:
        pytest.skip("the last release is not in this copy of the repository")
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(old, filter="data")

    first, second = farm.enqueue(), farm.enqueue()
    epoch = farm.read("coordination/epoch.json")
    assert farm.doit("set", second, "--hold").returncode == 0
    assert "completed" in run_old(farm, old, "build", "--job", first, job=first)
    held = farm.job(second)["held"]
    assert held, "the last release kept what it does not know"

    third = run_old(farm, old, "enqueue", "--pipeline", "ledger", "--branch", "main")
    assert farm.doit("build", "--job", third.split()[-1]).returncode == 0
    assert farm.doit("set", second, "--unhold").returncode == 0
    assert farm.doit("build").returncode == 0

    assert farm.read("coordination/epoch.json") == epoch
    assert {farm.job(j)["status"] for j in (first, second, third.split()[-1])} == {"completed"}
    assert run_old(farm, old, "fsck") == "nothing is wrong\n"
    assert "no problems found" in farm.doit("fsck").stdout


def run_old(farm: Farm, release: Path, *args: str, job: str = "") -> str:
    """What `doit` of the last release prints; with `job`, what it became."""
    config = farm.folder / "old-builder.yaml"
    lines = (farm.folder / "builder.yaml").read_text().splitlines(keepends=True)
    config.write_text("".join(line for line in lines if not line.startswith("sandbox_paths")))
    own = {"BUILDER_ID": "old", "BUILDER_CONFIG": str(config), "PYTHONPATH": str(release)}
    environment = {**farm.environment, **own}
    done = subprocess.run(
        [sys.executable, "-m", "doit", *args],
        cwd=release,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return str(farm.job(job)["status"]) if job else done.stdout

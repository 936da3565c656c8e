"""A disk that is really full under the journal and the clone: nothing is lost or doubled by it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import HOME
from tests.coordination_tasks.coordination_world import World, job

WORKER = "tests.coordination_tasks.full_disk_worker"
ON_A_SMALL_DISK = 'mount -t tmpfs -o size=1m none "$1" || exit 99; shift; exec "$@"'


@pytest.mark.parametrize("kind", ["small", "limited"])
def test_what_was_promised_is_recorded_once_when_space_is_back(
    farm: World, remote: Path, tmp_path: Path, kind: str
) -> None:
    """`limited`: no file may grow beyond a limit, for machines where nobody may mount a disk."""
    store = farm.store("reader")
    store.enqueue(job())
    state = tmp_path / "state"
    state.mkdir()
    command = [sys.executable, "-m", WORKER, kind, str(state), str(remote)]
    if kind == "small":
        own_mounts = ["unshare", "--map-root-user", "--mount", "sh", "-c", ON_A_SMALL_DISK, "sh"]
        command = [*own_mounts, str(state), *command]

    done = subprocess.run(
        command, cwd=HOME, check=False, capture_output=True, text=True, timeout=120
    )

    if kind == "small" and ("unshare" in done.stderr or done.returncode == 99):
        pytest.skip(f"no mount namespace here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [t.id for t in store.transitions("job_1") if t.step] == found["promised"]
    assert found["left"] == 0
    assert found["told"], "the disk was full"
    assert all("\n" not in line and str(state) in line for line in found["told"]), found["told"]

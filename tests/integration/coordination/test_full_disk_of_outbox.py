"""A disk that is really full under the journal and the clone: nothing is lost or doubled by it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import HOME
from tests.support.coordination.world import World, job

WORKER = "tests.support.coordination.full_disk_worker"
ON_A_SMALL_DISK = 'mount -t tmpfs -o size=1m none "$1" || exit 99; shift; exec "$@"'


ALMOST_FULL = """
mount -t tmpfs -o size=1m none "$1" || exit 99
head -c $((1024 * 1024 - $2)) /dev/zero > "$1/filler"; shift 2; exec "$@"
"""
OPEN = """
import pathlib, sys
from coordination_tasks.domain.errors import NotDurable
from coordination_tasks.builder.outbox.journal import Outbox
try:
    Outbox(pathlib.Path(sys.argv[1]) / "outbox.sqlite")
except NotDurable as error:
    print(error)
"""


@pytest.mark.parametrize("kind", ["small", "limited"])
def test_what_was_promised_is_recorded_once_when_space_is_back(
    remote_world: World, remote: Path, tmp_path: Path, kind: str
) -> None:
    """`limited`: no file may grow beyond a limit, for machines where nobody may mount a disk."""
    store = remote_world.store("reader")
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


@pytest.mark.parametrize("free", [28 * 1024, 4096])
def test_a_disk_with_too_little_space_for_sqlites_index_is_told_as_full(
    tmp_path: Path, free: int
) -> None:
    """SQLite says `disk I/O error` then, and no journal is damaged."""
    own_mounts = ["unshare", "--map-root-user", "--mount", "sh", "-c", ALMOST_FULL, "sh"]
    command = [*own_mounts, str(tmp_path), str(free), sys.executable, "-c", OPEN, str(tmp_path)]

    done = subprocess.run(
        command, cwd=HOME, check=False, capture_output=True, text=True, timeout=60
    )

    if "unshare" in done.stderr or done.returncode == 99:
        pytest.skip(f"no mount namespace here: {done.stderr}")
    assert done.stdout.startswith("no space is left on the disk for "), done.stdout + done.stderr

"""The builder's machine is booted again under a build: all that was recorded is there, once."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from tests.conftest import HOME, PATIENCE, Farm, await_that, processes_of

BOOT_ID = "/proc/sys/kernel/random/boot_id"
ANOTHER_BOOT = f'mount --bind "$1" {BOOT_ID} || exit 99; shift; exec "$@"'


def test_a_build_goes_on_after_a_reboot(farm: Farm) -> None:
    """All processes are gone at once, and the next ones see another boot's id and clock."""
    farm.second("echo second >> $LEDGER; [ -e $LEDGER.again ] || exec sleep 1000")
    job = farm.enqueue()
    build = farm.start("build")
    await_that(lambda: "second" in farm.ran(), "the second step begins")
    build.kill()
    build.wait()
    for process in processes_of(farm.folder):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    state = farm.folder / "state/build1"
    (state / "pushes.json").write_text(json.dumps([1e9] * 1000))
    left = {"looked_at": 1e9, "builders": {"build1": {"sign": "x", "since": 1e9, "moved": True}}}
    (state / "sightings.json").write_text(json.dumps(left))
    (farm.folder / "ledger.again").touch()
    other_id = farm.folder / "boot_id"
    other_id.write_text("11111111-2222-3333-4444-555555555555\n")
    doit = [sys.executable, "-m", "doit", "build"]
    script = ["sh", "-c", ANOTHER_BOOT, "sh", str(other_id), *doit]

    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", *script],
        cwd=HOME,
        env=farm.environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )

    if done.stderr.startswith("unshare") or done.returncode == 99:
        pytest.skip(f"no mount namespace here: {shlex.join(script)}: {done.stderr}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"job {job} of a killed build was queued again" in done.stdout + done.stderr
    assert farm.ran() == ["first", "second", "second", "third"]
    assert farm.steps(job, 1)["second"] == "cancelled"
    assert farm.steps(job, 2)["first"] == "up_to_date"
    assert farm.job(job)["status"] == "completed"
    ids = [transition["id"] for transition in farm.transitions(job)]
    assert len(ids) == len(set(ids))

"""A step stays within its memory and processors, and says so when it needs more."""

from __future__ import annotations

import json

import pytest

from pipelines.processes.sandbox.limits import places
from tests.conftest import Farm

pytestmark = pytest.mark.skipif(
    places() is None, reason="this process cannot make control groups here"
)

GREEDY = "python3 -c 'x = bytearray(300 << 20)' || true"


@pytest.mark.parametrize("boxed", [True, False])
def test_a_step_that_needs_more_memory_fails_and_says_so(farm: Farm, boxed: bool) -> None:
    if not boxed:
        farm.without_sandbox()
    farm.pipeline(
        f"""
- name: modest
  memory: 1G
  cpus: 1.5
  run: |
    {GREEDY}
    cat /sys/fs/cgroup/cpu/build-coordination-*/cpu.cfs_quota_us || true
- {{name: greedy, memory: 96M, run: "{GREEDY}"}}
"""
    )
    job = farm.enqueue()
    done = farm.doit("build", "--verbose")
    assert done.returncode == 1, done.stdout + done.stderr
    found = places()
    assert found
    assert found.version == 2 or "150000" in done.stdout
    ended = farm.job(job)
    assert "needed more than the 96.0 MiB of memory" in ended["reason"]
    assert "OUT_OF_MEMORY" in farm.doit("failure", job).stdout
    assert farm.steps(job)["modest"] == "succeeded"


def test_the_builders_limit_holds_for_every_step(farm: Farm) -> None:
    config = farm.folder / "builder.yaml"
    config.write_text(f"{config.read_text()}step_memory: 96M\n")
    farm.pipeline(f'\n- {{name: greedy, memory: 4G, run: "{GREEDY}"}}\n')
    job = farm.enqueue()
    assert farm.doit("build").returncode == 1
    assert "needed more than the 96.0 MiB of memory" in farm.job(job)["reason"]
    checks = json.loads(farm.doit("doctor", "--json").stdout)
    said = next(check for check in checks if check["check"] == "limits")
    assert said["found"].startswith("cgroup v")

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from common.settings.sandbox import NO_LIMITS, StepLimits, parse_cpus, parse_memory
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.processes.sandbox.cgroups import ControlGroup, Places, find_places, settings_of
from pipelines.processes.sandbox.limits import by_process, limited, places, split
from pipelines.processes.sandbox.protocol import Enclosed

MIB = 1024**2
BOTH = StepLimits(memory=256 * MIB, cpus=1.5)


def mount(place: Path, kind: str, options: str) -> str:
    return f"31 23 0:28 / {place} rw,relatime - {kind} {kind} rw,{options}\n"


def group(folder: Path, controllers: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cgroup.subtree_control").write_text(controllers)


@pytest.mark.parametrize("ready", ["/", "/build.service"])
def test_version_2_where_the_controllers_are_enabled(tmp_path: Path, ready: str) -> None:
    group(tmp_path, "")
    group(tmp_path / "build.service", "")
    group(tmp_path / "build.service/builder", "")
    group(tmp_path / ready.lstrip("/"), "cpu memory pids\n")
    own = "/build.service/builder" if ready != "/" else "/build.service"
    found = find_places(mount(tmp_path, "cgroup2", "nsdelegate"), f"0::{own}\n")
    folder = tmp_path / ready.lstrip("/")
    assert found == Places(2, {"memory": folder, "cpu": folder})
    assert sorted(path.name for path in folder.iterdir() if "-" in path.name) == []


def test_a_slice_of_systemd_is_left_alone(tmp_path: Path) -> None:
    group(tmp_path / "system.slice", "cpu memory")
    group(tmp_path / "system.slice/build.service", "")
    text = mount(tmp_path, "cgroup2", "nsdelegate")
    assert find_places(text, "0::/system.slice/build.service\n") is None


def test_version_1_beside_an_empty_version_2(tmp_path: Path) -> None:
    for name in ("memory/jobs", "cpu", "unified"):
        (tmp_path / name).mkdir(parents=True)
    mounts = "".join(
        [
            mount(tmp_path / "memory", "cgroup", "memory"),
            mount(tmp_path / "cpu", "cgroup", "cpu,cpuacct"),
            mount(tmp_path / "unified", "cgroup2", "x"),
        ]
    )
    found = find_places(mounts, "4:memory:/jobs\n1:cpu,cpuacct:/\n0::/\n")
    assert found == Places(1, {"memory": tmp_path / "memory/jobs", "cpu": tmp_path / "cpu"})
    assert find_places(mounts, "4:memory:/gone\n0::/\n") is None
    assert find_places("", "0::/\n") is None


def test_what_the_kernel_is_told() -> None:
    files = {name: content for part in settings_of(2, BOTH).values() for name, content, _ in part}
    assert files["memory.max"] == str(256 * MIB)
    assert (files["memory.swap.max"], files["memory.oom.group"]) == ("0", "1")
    assert files["cpu.max"] == "150000 100000"
    files = {name: content for part in settings_of(1, BOTH).values() for name, content, _ in part}
    assert files["memory.limit_in_bytes"] == files["memory.memsw.limit_in_bytes"] == str(256 * MIB)
    assert files["cpu.cfs_quota_us"] == "150000"
    assert settings_of(2, StepLimits(cpus=1)).keys() == {"cpu"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("memory.events", "low 0\nmax 9\noom 1\noom_kill {}\noom_group_kill 1\n"),
        ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"),
    ],
)
def test_whether_the_kernel_killed_something(tmp_path: Path, name: str, text: str) -> None:
    group = ControlGroup((tmp_path,))
    assert not group.ran_out_of_memory()
    (tmp_path / name).write_text(text.format(0))
    assert not group.ran_out_of_memory()
    (tmp_path / name).write_text(text.format(2))
    assert group.ran_out_of_memory()


def test_what_no_group_limits_is_limited_process_by_process() -> None:
    assert split(BOTH, None) == (NO_LIMITS, BOTH)
    only = Places(1, {"memory": Path("/x")})
    assert split(BOTH, only) == (StepLimits(memory=256 * MIB), StepLimits(cpus=1.5))
    shown = (
        "import os, json; n = len(os.sched_getaffinity(0))\n"
        "try: bytearray(400 << 20)\n"
        "except MemoryError: print(json.dumps(n))"
    )
    start = by_process(StepLimits(memory=256 * MIB, cpus=0.5))
    said = subprocess.run([*start, sys.executable, "-c", shown], stdout=subprocess.PIPE, check=True)
    assert json.loads(said.stdout) == 1
    assert by_process(NO_LIMITS) == ()


@pytest.mark.skipif(places() is None, reason="this process cannot make control groups here")
def test_a_command_at_its_limit_is_ended() -> None:
    script = "dd if=/dev/zero of=/dev/null bs=200M count=1 2>/dev/null || true"
    start = Enclosed(argv=("sh", "-c", script), env={})
    with limited(start, StepLimits(memory=48 * MIB)) as enclosed:
        code = subprocess.run(enclosed.argv, check=False).returncode
        with pytest.raises(StepFailed, match=r"more than the 48\.0 MiB of memory") as caught:
            enclosed.exit_code(code)
    assert caught.value.code is FailureCode.OUT_OF_MEMORY
    with limited(start, StepLimits(memory=512 * MIB, cpus=2)) as enclosed:
        assert int(enclosed.exit_code(subprocess.run(enclosed.argv, check=False).returncode)) == 0
    found = places()
    assert found
    own = [path for folder in found.folders.values() for path in folder.glob("build-*-*")]
    assert own == []


def test_the_builders_limit_is_the_maximum() -> None:
    most = StepLimits(memory=10, cpus=2)
    assert StepLimits(memory=20).within(most) == most
    assert StepLimits(memory=5, cpus=1).within(most) == StepLimits(memory=5, cpus=1)
    assert StepLimits(memory=5).within(NO_LIMITS) == StepLimits(memory=5)


def test_limits_as_people_write_them() -> None:
    assert parse_memory("1.5G") == 1536 * MIB
    assert parse_cpus(2) == 2.0
    for parse, bad in ((parse_memory, "4"), (parse_memory, 4), (parse_cpus, "2"), (parse_cpus, 0)):
        with pytest.raises(ValueError, match="expected"):
            parse(bad)
    with pytest.raises(ValueError, match="expected a number"):
        parse_cpus(True)

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.processes.tree import MARKER_VARIABLE, builder_marker, marker, sweep
from pipelines.workspace.layout import Workspace
from tests.conftest import is_gone, line_in

ROOT = Path(__file__).parents[4]


def start(value: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["sleep", "1000"], env={**os.environ, MARKER_VARIABLE: value}, start_new_session=True
    )


def test_markers_name_builder_job_attempt_and_step(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "job/../1", 2)
    parts = marker(workspace, "build-deb").split("/")

    assert parts[0] == builder_marker(tmp_path)
    assert parts[2:] == ["2", "build-deb"]
    assert marker(workspace) == "/".join(parts[:3])
    assert builder_marker(tmp_path / "other") != builder_marker(tmp_path)


def test_sweep_ends_what_is_below_the_marker_and_nothing_else(tmp_path: Path) -> None:
    mine = marker(Workspace(tmp_path, "job_1", 1))
    inside, other_job = start(f"{mine}/maven"), start(f"{mine}0/maven")
    try:
        ended = sweep(mine, grace=60)

        assert [text.split()[0] for text in ended] == [str(inside.pid)]
        assert inside.wait() == -signal.SIGTERM
        assert other_job.poll() is None
    finally:
        other_job.kill()
        other_job.wait()


def test_sweep_finds_what_a_killed_builder_left(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = f"""
import os
from pathlib import Path
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.logged_command import LoggedCommandRunner
from pipelines.domain.pipeline import Command
from pipelines.processes.tree import marker
from pipelines.workspace.layout import Workspace
text = "setsid sleep 1000 & a=$!; sleep 1000 & echo $$ $a $! > {pids}; trap '' TERM; wait; wait"
workspace = Workspace(Path({str(tmp_path)!r}), "job", 1)
LoggedCommandRunner(
    workspace.log("x"), marker=marker(workspace, "x"), cancellation=Cancellation()
).run(Command(argv=("bash", "-c", text), cwd=workspace.state_dir, env=dict(os.environ)))
"""
    builder = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    left = [int(pid) for pid in line_in(pids).split()]
    builder.kill()
    builder.wait()
    assert not any(map(is_gone, left))

    ended = sweep(builder_marker(tmp_path), grace=0.2)

    assert {int(text.split()[0]) for text in ended} >= set(left)
    assert all(map(is_gone, left))
    assert sweep(builder_marker(tmp_path)) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_sweep_passes_over_processes_it_may_not_look_into(tmp_path: Path) -> None:
    value = f"test-{tmp_path.name}"
    theirs = start(value)
    try:
        program = f"""
import os
from pipelines.processes.tree import sweep
os.setgid(65534); os.setuid(65534)
print(sweep({value!r}))
"""
        result = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert result.stdout == "[]\n"
        assert theirs.poll() is None
    finally:
        theirs.kill()
        theirs.wait()

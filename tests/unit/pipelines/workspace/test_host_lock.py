from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.domain.errors import StepCancelled
from pipelines.processes.cancellation import Cancellation
from pipelines.workspace.host_lock import host_lock

ROOT = Path(__file__).parents[4]
HOLDER = """
import sys
from pathlib import Path
from pipelines.workspace.host_lock import host_lock
with host_lock(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(path: Path) -> subprocess.Popen[str]:
    """A process that holds the lock until it is ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_a_wait_for_the_lock_can_be_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    holder = hold(path)
    cancellation = Cancellation()
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            cancellation.cancel("told to end")
        cancellation.check()

    with pytest.raises(StepCancelled), host_lock(path, check):
        pytest.fail("another process holds it")
    holder.communicate()
    cancellation.close()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    holder = hold(tmp_path / "lock")
    holder.kill()
    holder.communicate()
    cancellation = Cancellation()
    with host_lock(tmp_path / "lock", cancellation.check):
        pass
    cancellation.close()


def test_it_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x"), host_lock(tmp_path / "lock", lambda: None):
        raise ValueError("x")
    hold(tmp_path / "lock").communicate()

"""Locks on resources, between real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepCancelled, StepFailed
from pipelines.execution.resource_locks import held

HOLD = """
import sys
from pathlib import Path
from pipelines.execution.resource_locks import held
with held(Path(sys.argv[1]), ["db"], lambda: None, lambda text: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_processes_never_hold_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as other:
        assert other.stdin and other.stdout
        assert other.stdout.readline() == "held\n"
        with held(tmp_path, ["printer"], _go_on, lambda text: None):
            pass
        with pytest.raises(StepCancelled), held(tmp_path, ["db"], _cancel, lambda text: None):
            pytest.fail("it is another's")
        other.kill()
        with held(tmp_path, ["db"], _go_on, lambda text: None):
            pass


def test_two_threads_with_two_resources_never_wait_for_each_other(tmp_path: Path) -> None:
    inside = threading.Lock()
    overlaps: list[str] = []

    def work(*names: str) -> None:
        for _ in range(20):
            with held(tmp_path, names, _go_on, lambda text: None):
                if not inside.acquire(blocking=False):
                    overlaps.append("both inside")
                    continue
                inside.release()

    threads = [
        threading.Thread(target=work, args=names) for names in (("a", "b"), ("b", "a"), ("b",))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert overlaps == []


def test_who_waits_says_for_what(tmp_path: Path) -> None:
    told: list[str] = []
    with held(tmp_path, ["b", "a", "b"], _go_on, told.append):
        assert told == ["waiting for resource a", "waiting for resource b"]


def test_a_folder_that_can_not_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StepFailed, match="Set lock_dir") as error,
        held(tmp_path / "file" / "locks", ["db"], _go_on, lambda text: None),
    ):
        pytest.fail("no lock can be there")
    assert error.value.code is FailureCode.BAD_REQUEST


def _go_on() -> None:
    pass


def _cancel() -> None:
    raise StepCancelled("ended")

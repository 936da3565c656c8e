"""The exit code of a command whose starter is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.processes.exit_file import recorded_code, recording
from pipelines.processes.tree import MARKER_VARIABLE, end_tree, sweep
from tests.conftest import await_that


def killed_group(pid: int, marker: str) -> None:
    os.killpg(pid, signal.SIGTERM)


def swept(pid: int, marker: str) -> None:
    sweep(marker)


def ended_tree(pid: int, marker: str) -> None:
    end_tree(pid, marker)


@pytest.mark.parametrize("code", [0, 7])
def test_the_code_is_passed_on_and_kept(tmp_path: Path, code: int) -> None:
    file = tmp_path / "exit-code"
    done = subprocess.run(recording(("sh", "-c", f"exit {code}"), file), check=False)
    assert done.returncode == recorded_code(file) == code


def test_a_signal_that_ended_the_command_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "exit-code"
    done = subprocess.run(recording(("sh", "-c", "kill -9 $$"), file), check=False)
    assert done.returncode == recorded_code(file) == 128 + signal.SIGKILL


def test_without_an_end_there_is_no_code(tmp_path: Path) -> None:
    file = tmp_path / "exit-code"
    process = subprocess.Popen(recording(("sleep", "1000"), file), start_new_session=True)
    assert recorded_code(file) is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert recorded_code(file) is None


@pytest.mark.parametrize("end", [killed_group, swept, ended_tree])
def test_a_command_that_was_told_to_end_has_no_good_end(
    tmp_path: Path, end: Callable[[int, str], None]
) -> None:
    file = tmp_path / "exit-code"
    obedient = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        f"open({str(tmp_path / 'began')!r}, 'w').close()\n"
        "time.sleep(1000)\n"
    )
    process = subprocess.Popen(
        recording((sys.executable, "-c", obedient), file),
        start_new_session=True,
        env={**os.environ, MARKER_VARIABLE: str(tmp_path)},
    )
    await_that((tmp_path / "began").exists, "the command begins")
    end(process.pid, str(tmp_path))
    assert process.wait() == 128 + signal.SIGTERM
    assert recorded_code(file) is None

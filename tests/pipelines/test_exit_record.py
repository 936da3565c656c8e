"""The exit code of a command whose starter is gone."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from pipelines.exit_record import recorded_code, recording
from tests.conftest import await_that


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


def test_sigterm_to_all_still_tells_how_the_command_ended(tmp_path: Path) -> None:
    file = tmp_path / "exit-code"
    script = f"touch {tmp_path}/began; exec sleep 1000"
    process = subprocess.Popen(recording(("sh", "-c", script), file), start_new_session=True)
    await_that((tmp_path / "began").exists, "the command begins")
    os.killpg(process.pid, signal.SIGTERM)
    process.wait()
    assert recorded_code(file) == 128 + signal.SIGTERM

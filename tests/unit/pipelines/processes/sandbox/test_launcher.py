from __future__ import annotations

import errno
import io
import subprocess
import tempfile
from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.processes.sandbox.launcher import LAUNCHER, reported_end


def end_of(*argv: str) -> tuple[int, int | None]:
    """Run the launcher; exit code and signal, as reported."""
    with tempfile.TemporaryFile() as report:
        start = ["perl", str(LAUNCHER), str(report.fileno()), *argv]
        done = subprocess.run(start, pass_fds=(report.fileno(),), check=False)
        end = reported_end(report, done.returncode)
        return int(end), end.signal


def test_a_signal_is_told_from_an_exit_code() -> None:
    assert end_of("true") == (0, None)
    assert end_of("sh", "-c", "exit 137") == (137, None)
    assert end_of("sh", "-c", "kill -9 $$") == (137, 9)


def test_sigterm_ends_the_command_and_not_the_launcher() -> None:
    assert end_of("sh", "-c", "kill -TERM $PPID; kill -TERM $$") == (143, 15)


def test_the_command_does_not_get_the_report() -> None:
    forge = """
import os
for number in range(3, 99):
    if os.path.exists(f"/proc/self/fd/{number}"):
        os.write(number, b"signal 9")
"""
    assert end_of("python3", "-c", forge) == (0, None)


def test_a_command_that_cannot_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot start") as caught:
        end_of(str(tmp_path / "missing"))
    assert caught.value.errno == errno.ENOENT
    (tmp_path / "file").touch(mode=0o644)
    with pytest.raises(OSError, match="cannot start") as caught:
        end_of(str(tmp_path / "file"))
    assert caught.value.errno == errno.EACCES


def test_no_report_means_no_sandbox() -> None:
    with pytest.raises(StepFailed) as caught:
        reported_end(io.BytesIO(), 1)
    assert caught.value.code == FailureCode.TOOL_MISSING
    assert reported_end(io.BytesIO(), -9).signal == 9

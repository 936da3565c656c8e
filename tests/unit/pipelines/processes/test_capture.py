from __future__ import annotations

import os
import threading
from pathlib import Path

import psutil
import pytest

from pipelines.domain.errors import FailureCode, StepCancelled, StepFailed
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.capture import Captured, capture
from tests.conftest import LIMITS, has_line, is_gone, line_in

ENV = dict(os.environ)


def test_gives_code_and_text(tmp_path: Path) -> None:
    text = "pwd; echo $ONE; echo wrong >&2; exit 4"
    got = capture(["bash", "-c", text], cwd=tmp_path, env={**ENV, "ONE": "1"})
    assert got == Captured(4, f"{tmp_path}\n1\n", "wrong\n")
    assert got.text == f"{tmp_path}\n1\nwrong\n"


def test_bytes_that_are_no_text_stay_apart(tmp_path: Path) -> None:
    got = capture(["printf", r"\376 \377"], cwd=tmp_path, env=ENV)
    assert os.fsencode(got.output) == b"\xfe \xff"
    assert got.text == "\ufffd \ufffd"


def test_a_signal_is_128_and_its_number(tmp_path: Path) -> None:
    assert capture(["bash", "-c", "kill -15 $$"], cwd=tmp_path, env=ENV).code == 143


def test_standard_input_is_empty(tmp_path: Path) -> None:
    assert capture(["cat"], cwd=tmp_path, env=ENV) == Captured(0, "", "")


def test_the_program_is_looked_for_in_the_given_path(tmp_path: Path) -> None:
    remedy = r"cannot start git: it is not installed\. Run `sudo apt-get install git`\."
    with pytest.raises(StepFailed, match=remedy) as caught:
        capture(["git"], cwd=tmp_path, env={"PATH": str(tmp_path)})
    assert caught.value.code is FailureCode.TOOL_MISSING


def test_a_daemon_is_not_waited_for(tmp_path: Path) -> None:
    got = capture(["bash", "-c", "sleep 1000 & echo $!"], cwd=tmp_path, env=ENV)
    psutil.Process(int(got.text)).kill()


def test_time_limit_ends_the_tree_too(tmp_path: Path) -> None:
    text = "setsid sleep 1000 & echo $! > pid; sleep 1000"
    for limit in LIMITS:
        said = rf"bash was stopped after {limit:g} s"
        with pytest.raises(StepFailed, match=said) as caught:
            capture(["bash", "-c", text], cwd=tmp_path, env=ENV, timeout=limit)
        assert caught.value.code is FailureCode.TIMEOUT
        if has_line(tmp_path / "pid"):
            break
    assert is_gone(int(line_in(tmp_path / "pid")))


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    cancellation = Cancellation()
    timer = threading.Timer(0.1, cancellation.cancel, ["told to end"])
    timer.start()
    with pytest.raises(StepCancelled, match="told to end"):
        capture(["sleep", "1000"], cwd=tmp_path, env=ENV, cancellation=cancellation)
    timer.join()
    cancellation.close()

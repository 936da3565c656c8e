"""What others see of a log: whole lines, numbered as in the file, and no secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coordination_tasks.build.logs.excerpt import RunningLog, last_part, whole_log
from tests.support.coordination.fake_secrets import KEY, TOKENS

LONG_AGO = (0, 0)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "001-compile.log"


def settle(log: Path) -> None:
    """Nothing was written to it for a while."""
    os.utime(log, LONG_AGO)


def test_the_tail_has_whole_lines_with_their_numbers(log: Path) -> None:
    running = RunningLog("compile", log)
    assert running.tail(20, ()) is None
    log.write_text("".join(f"line {n}\n" for n in range(1, 101)))
    tail = running.tail(20, ())
    assert tail
    assert (tail.first_line, tail.lines) == (99, ("line 99", "line 100"))
    with log.open("a") as stream:
        stream.write("line 101\nhalf")
    tail = running.tail(20, ())
    assert tail
    assert (tail.first_line, tail.lines) == (100, ("line 100", "line 101"))
    settle(log)
    tail = running.tail(20, ())
    assert tail
    assert (tail.first_line, tail.lines) == (101, ("line 101", "half"))


def test_a_line_that_is_redrawn_is_shown_once(log: Path) -> None:
    log.write_bytes(b"10 %\r50 %\r100 %\r\nDone\r\n")
    tail = RunningLog("compile", log).tail(4096, ())
    assert tail
    assert tail.lines == ("100 %", "Done")


def test_a_long_line_is_cut(log: Path) -> None:
    log.write_text("x" * 300_000 + "\n")
    settle(log)
    tail = RunningLog("compile", log).tail(100, ())
    assert tail is None or all(len(line) <= 100 for line in tail.lines)


@pytest.mark.parametrize("rule", TOKENS)
def test_no_secret_is_in_a_tail_or_a_complete_log(log: Path, rule: str) -> None:
    log.write_text(f"before\n{TOKENS[rule]}\nmy declared word\nafter\n")
    settle(log)
    tail = RunningLog("compile", log).tail(4096, ("declared",))
    assert tail
    whole = whole_log(log, 4096, ("declared",)).text
    for text in ("\n".join(tail.lines), whole, last_part(log, 4096, ("declared",))):
        assert TOKENS[rule] not in text
        assert "declared" not in text
        assert text.startswith("before\n")
        assert "after" in text


def test_a_key_that_began_before_the_tail_is_withheld(log: Path) -> None:
    body = KEY.splitlines()
    lines = [*(body[:1]), *("QUFBQUFBQUFBQUFBQUFB" for _ in range(20)), "open end"]
    log.write_text("\n".join(lines) + "\n")
    tail = RunningLog("compile", log).tail(60, ())
    assert tail
    assert not any("QUFB" in line for line in tail.lines)


def test_a_log_that_is_too_long_loses_its_middle(log: Path) -> None:
    log.write_text("".join(f"line {n}\n" for n in range(1, 1001)))
    found = whole_log(log, 400, ())
    lines = found.text.splitlines()
    assert found.lines == 1000
    assert lines[0] == "line 1"
    assert lines[-1] == "line 1000"
    [note] = [line for line in lines if line.startswith("[")]
    assert note == f"[{found.left_out} lines are left out]"
    assert len(lines) - 1 + found.left_out == 1000
    assert len(found.text) < 500


def test_a_log_within_the_limit_is_complete(log: Path) -> None:
    log.write_text("one\ntwo")
    found = whole_log(log, 400, ())
    assert (found.text, found.lines, found.left_out) == ("one\ntwo\n", 2, 0)
    log.write_text("")
    assert whole_log(log, 400, ()).lines == 0

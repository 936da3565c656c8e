from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from coordination_tasks.build.attempt.keepalive import KeepaliveThread
from coordination_tasks.farm.wake_call import WakeCalls, wake

PATIENCE = 60.0


def test_nobody_is_there_to_be_woken(tmp_path: Path) -> None:
    assert not wake(tmp_path / "nowhere")
    WakeCalls(tmp_path).close()
    assert not wake(tmp_path), "the build has ended"


def test_a_call_ends_the_wait_and_is_heard_once(tmp_path: Path) -> None:
    calls = WakeCalls(tmp_path)
    assert not calls.wait(0.01)
    assert wake(tmp_path)
    assert wake(tmp_path)
    assert calls.wait(PATIENCE)
    assert not calls.wait(0.01)
    calls.close()


def test_more_calls_than_a_pipe_holds_block_nobody(tmp_path: Path) -> None:
    calls = WakeCalls(tmp_path)
    for _ in range(70_000):
        calls.call()
    assert wake(tmp_path)
    calls.close()


@pytest.mark.parametrize("by", ["call", "stop"])
def test_a_keepalive_does_not_sleep_through_it(tmp_path: Path, by: str) -> None:
    done = threading.Event()
    asked: list[str] = []
    thread = KeepaliveThread(
        done.set,
        look=lambda: None,
        every=3600,
        on_lost=print,
        on_trouble=print,
        calls=WakeCalls(tmp_path),
        on_call=lambda: asked.append("look"),
    )
    thread.start()
    began = time.monotonic()
    if by == "call":
        assert wake(tmp_path)
        assert done.wait(PATIENCE)
        assert asked == ["look"]
    thread.stop()
    assert time.monotonic() - began < PATIENCE
    assert not wake(tmp_path)

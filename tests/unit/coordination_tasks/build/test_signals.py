from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from coordination_tasks.build.signals import ENDING, ending_signals

PATIENCE = 60.0


class Seen:
    """The signals that came."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.any = threading.Event()

    def __call__(self, number: int) -> None:
        self.numbers.append(number)
        self.any.set()


@pytest.fixture
def undisturbed() -> Iterator[None]:
    """All is as it was, after as before."""
    started_with = [signal.signal(number, signal.SIG_DFL) for number in ENDING]
    threads = set(threading.enumerate())
    yield
    assert [signal.getsignal(number) for number in ENDING] == [signal.SIG_DFL] * len(ENDING)
    for number, handler in zip(ENDING, started_with, strict=True):
        signal.signal(number, handler)
    assert signal.set_wakeup_fd(-1) == -1
    assert set(threading.enumerate()) <= threads


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("number", ENDING)
def test_a_signal_is_told_while_the_main_thread_waits_for_a_lock(number: int) -> None:
    """Given to another thread, as the kernel may, it does not end the main thread's wait."""
    seen = Seen()

    def send_to_own_thread() -> None:
        signal.pthread_kill(threading.get_ident(), number)

    sender = threading.Thread(target=send_to_own_thread)
    with ending_signals(seen):
        sender.start()
        assert seen.any.wait(PATIENCE)
    sender.join()
    assert seen.numbers == [number]


@pytest.mark.usefixtures("undisturbed")
def test_what_is_called_may_take_a_lock_that_the_main_thread_holds() -> None:
    lock = threading.Lock()
    told: list[int] = []

    def act(number: int) -> None:
        with lock:
            told.append(number)

    with ending_signals(act), lock:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)
        assert told == []
    assert told == [signal.SIGTERM]


@pytest.mark.usefixtures("undisturbed")
def test_each_signal_before_the_end_is_told() -> None:
    seen = Seen()
    with ending_signals(seen):
        for number in ENDING:
            os.kill(os.getpid(), number)
    assert sorted(seen.numbers) == sorted(ENDING)


@pytest.mark.usefixtures("undisturbed")
def test_other_signals_are_none_of_ours() -> None:
    seen, other = Seen(), Seen()
    before = signal.signal(signal.SIGUSR1, lambda number, frame: other(number))
    try:
        with ending_signals(seen):
            os.kill(os.getpid(), signal.SIGUSR1)
            assert other.any.wait(PATIENCE)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen.numbers == []


@pytest.mark.usefixtures("undisturbed")
def test_what_was_ignored_stays_ignored() -> None:
    """As under `nohup`, which a hangup must not end."""
    seen = Seen()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending_signals(seen):
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
            assert seen.any.wait(PATIENCE)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert seen.numbers == [signal.SIGTERM]

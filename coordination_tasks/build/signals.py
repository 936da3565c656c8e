"""Signals that end a program, whatever its main thread waits for.

Python runs a signal handler in the main thread, between two of its instructions. A signal that
arrives just before that thread starts to wait for a lock, or in another thread, is handled after
the wait, which can be hours later; and a handler must not take a lock that the main thread may
hold. The descriptor of `signal.set_wakeup_fd` is written at once in any thread, so a separate
thread waits for that.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NO_MORE = b"\0"


@contextmanager
def ending_signals(act: Callable[[int], None]) -> Iterator[None]:
    """In this context, call `act` with the number of each SIGINT, SIGTERM and SIGHUP.

    Signals that this process was started to ignore, as under `nohup`, remain ignored.
    `act` runs in a thread of its own and may take locks. For the main thread only: raises
    ValueError in another one.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(writer, False)
    thread = Thread(target=_follow, args=(reader, act), name="signals", daemon=True)
    earlier_descriptor = signal.set_wakeup_fd(writer)
    ending = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    earlier = {number: signal.signal(number, _leave_to_thread) for number in ending}
    thread.start()
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(earlier_descriptor)
        os.write(writer, _NO_MORE)
        thread.join()
        os.close(writer)
        os.close(reader)


def _leave_to_thread(number: int, frame: FrameType | None) -> None:
    """A Python handler, without which nothing is written to the descriptor."""


def _follow(reader: int, act: Callable[[int], None]) -> None:
    while (received := os.read(reader, 1)) != _NO_MORE:
        if received[0] in ENDING:
            act(received[0])

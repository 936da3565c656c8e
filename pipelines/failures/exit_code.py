"""The meaning of a command's exit code. Pure."""

from __future__ import annotations

import re
import signal

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.exit_code import ExitCode

_ASKED_TO_END = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM})
"""Signals that come from outside: the same command may succeed without them."""
_NUMBER = re.compile(r"\bkilled by signal (\d+)")


def killed(program: str, code: int, excerpt: str = "") -> StepFailed | None:
    """The failure of a program that a signal ended; None when none did.

    Exit codes above 128 alone show nothing: perl dies with 255, and so does ssh.
    """
    number = code.signal if isinstance(code, ExitCode) else None
    if number is None:
        return None
    return StepFailed(
        FailureCode.KILLED,
        f"{program} was killed by {signal_name(number)}",
        excerpt=excerpt,
        retryable=number in _ASKED_TO_END,
    )


def signal_name(number: int) -> str:
    """`SIGKILL (signal 9)`."""
    known = {int(each): each.name for each in signal.Signals}
    return f"{known[number]} (signal {number})" if number in known else f"signal {number}"


def signal_in(line: str) -> int | None:
    """The signal that a tool's line names by number or in words, like `Killed`."""
    if told := _NUMBER.search(line):
        return int(told[1])
    words = {number: signal.strsignal(number) or "" for number in signal.Signals}
    return next((int(n) for n, text in words.items() if text and text in line), None)

"""Our own output: when its reader has left, and when it cannot show every character."""

from __future__ import annotations

import os
import select
import sys
from io import TextIOWrapper
from typing import Any, TextIO


def silence(stream: TextIO) -> None:
    """Discard all further output to `stream`, including what Python flushes at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def check_reader(stream: TextIO) -> None:
    """Raise BrokenPipeError once nobody can read `stream` any more, like a write would.

    For who waits without anything to write.
    """
    poll = select.poll()
    poll.register(stream.fileno(), 0)  # an error and a hang-up are reported unasked
    if poll.poll(0):
        raise BrokenPipeError


def open_missing_streams() -> None:
    """Give the process the standard streams that it was started without: nothing is read or shown.

    Otherwise the next file to be opened, like the outbox, would take the descriptor of one.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


class BestEffortStream:
    """A stream whose reader may leave, like a closed terminal: output is discarded from then on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write the text, or discard it."""
        try:
            return self._stream.write(text)
        except OSError:
            silence(self._stream)
            return len(text)

    def flush(self) -> None:
        """Flush what was written, or discard it."""
        try:
            self._stream.flush()
        except OSError:
            silence(self._stream)


def replace_unencodable(stream: TextIO) -> None:
    """Write `?` for characters that the encoding of `stream` lacks, like ticks in LC_ALL=C."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="replace")

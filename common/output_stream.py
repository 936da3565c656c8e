"""Our own output: when nobody reads it any more, and where it can't show every character."""

from __future__ import annotations

import os
from io import TextIOWrapper
from typing import Any, TextIO


def silence(stream: TextIO) -> None:
    """From now on what is written to `stream` goes nowhere, also when Python flushes it at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class BearingStream:
    """A stream whose reader may leave, like a terminal that is closed: then it goes nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or lose, the text."""
        try:
            return self._stream.write(text)
        except OSError:
            silence(self._stream)
            return len(text)

    def flush(self) -> None:
        """Flush, or lose, what was written."""
        try:
            self._stream.flush()
        except OSError:
            silence(self._stream)


def bear_any_text(stream: TextIO) -> None:
    """From now on what the encoding of `stream` lacks, like ticks in LC_ALL=C, becomes `?`."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="replace")

"""Our own output: when nobody reads it any more, and where it can't show every character."""

from __future__ import annotations

import os
from io import TextIOWrapper
from typing import TextIO


def silence(stream: TextIO) -> None:
    """From now on what is written to `stream` goes nowhere, also when Python flushes it at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def bear_any_text(stream: TextIO) -> None:
    """From now on what the encoding of `stream` lacks, like ticks in LC_ALL=C, becomes `?`."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="replace")

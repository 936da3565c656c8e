"""Reads a log while a process is writing it, and passes on each line."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_PAUSE = 0.1
_CHUNK = 1 << 20
MAX_LINE = 1 << 16
"""Bytes; longer lines are passed on in pieces, so that a file without line ends costs no memory."""


class LogTail:
    """Follows a log from `offset` in a thread of its own.

    A thread, so that a terminal stopped with Ctrl-S does not keep a command from being stopped. A
    carriage return ends a line too: progress bars use it. A log that is cut to `limit` is read on
    from there.
    """

    def __init__(
        self, log: Path, offset: int, on_line: Callable[[str], None], limit: int | None = None
    ) -> None:
        self._log = log
        self._limit = limit
        self._offset = offset
        self._on_line = on_line
        self._writer_ended = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._follow, name=f"tail {log.name}", daemon=True)

    def start(self) -> None:
        """Start to pass on lines, unless already started."""
        if self._thread.ident is None:
            self._thread.start()

    def writer_ended(self) -> None:
        """The log is complete: pass on the rest without waiting for more."""
        self._writer_ended.set()

    def join(self, seconds: float) -> bool:
        """Whether everything was passed on within that time; true when it was never started.

        Raises what `on_line` raised.
        """
        if self._thread.ident is None:
            return True
        self._thread.join(seconds)
        if self._failure:
            raise self._failure
        return not self._thread.is_alive()

    def _follow(self) -> None:
        try:
            with self._log.open("rb") as stream:
                stream.seek(self._offset)
                self._hand_on(stream)
        except BaseException as error:  # join raises it again
            self._failure = error

    def _hand_on(self, stream: BinaryIO) -> None:
        rest = b""
        after_return = False
        while True:
            ended = self._writer_ended.is_set()
            chunk = stream.read(_CHUNK)
            if not chunk and self._was_cut(stream):
                rest = b""
                continue
            if not chunk and ended:
                break
            if not chunk:
                self._writer_ended.wait(_PAUSE)
                continue
            split_line_end = after_return and chunk.startswith(b"\n")
            after_return = chunk.endswith(b"\r")
            rest = self._lines(rest + chunk[split_line_end:])
        if rest:
            self._line(rest)

    def _was_cut(self, stream: BinaryIO) -> bool:
        size = os.fstat(stream.fileno()).st_size
        if self._limit is None or stream.tell() <= size:
            return False
        stream.seek(min(self._limit, size))
        return True

    def _lines(self, data: bytes) -> bytes:
        """Pass on the complete lines of `data`; returns the rest after the last line end."""
        *lines, rest = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            self._line(line)
        while len(rest) > MAX_LINE:
            self._line(rest[:MAX_LINE])
            rest = rest[MAX_LINE:]
        return rest

    def _line(self, line: bytes) -> None:
        self._on_line(line.decode("utf-8", "replace"))

"""Parts of a log for others: whole lines, declared secrets masked, lines like secrets withheld."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from common.redaction import mask
from coordination_tasks.domain.secret_scan import withhold
from coordination_tasks.domain.step_log import LogTail

_CHUNK = 1 << 20
_CONTEXT = 1 << 16
"""Bytes before a part that are examined with it: a private key may have begun there."""
_STILL_WRITTEN = 1.0
"""Seconds: a last line without an end that is younger may be half of a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeLog:
    """A complete log, without lines in its middle if it was too long."""

    text: str
    lines: int
    left_out: int


def whole_log(path: Path, most: int, secrets: Collection[str]) -> WholeLog:
    """The log at `path`, at most about `most` bytes of it. Raises OSError."""
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size <= most:
            shown = _shown(stream.read(size), secrets)
            return WholeLog(text="".join(f"{s}\n" for s in shown), lines=len(shown), left_out=0)
        head = _shown(stream.read(most // 4).rpartition(b"\n")[0], secrets)
        total = _count_lines(stream, 0, size)
        last = _last_lines(stream, size, most - most // 4, secrets)
    left_out = max(0, total - len(head) - len(last))
    told = [f"[{left_out} lines are left out]"] if left_out else []
    text = "".join(f"{line}\n" for line in (*head, *told, *last))
    return WholeLog(text=text, lines=total, left_out=left_out)


def last_part(path: Path, most: int, secrets: Collection[str]) -> str:
    """The last lines of a log that has ended, at most `most` bytes. Raises OSError."""
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        return "\n".join(_last_lines(stream, size, most, secrets))


class RunningLog:
    """A log that is being written; remembers how many lines it has counted."""

    def __init__(self, step: str, path: Path) -> None:
        self._step = step
        self._path = path
        self._counted = 0
        self._lines = 0

    def tail(self, most: int, secrets: Collection[str]) -> LogTail | None:
        """The last lines, at most `most` bytes; None before the step has written any."""
        try:
            with self._path.open("rb") as stream:
                stat = os.fstat(stream.fileno())
                size = stat.st_size
                if size == 0:
                    return None
                if time.time() - stat.st_mtime < _STILL_WRITTEN:
                    size = _end_of_line(stream, size)
                self._lines += _count_ends(stream, self._counted, size)
                self._counted = size
                lines = _last_lines(stream, size, most, secrets)
                unfinished = size > 0 and os.pread(stream.fileno(), 1, size - 1) != b"\n"
        except FileNotFoundError:
            return None
        first = self._lines + unfinished - len(lines) + 1
        return LogTail(step=self._step, first_line=first, lines=tuple(lines))


def _last_lines(stream: BinaryIO, end: int, most: int, secrets: Collection[str]) -> list[str]:
    """The last lines before the offset `end`, at most `most` bytes."""
    start = max(0, end - most - _CONTEXT)
    data = os.pread(stream.fileno(), end - start, start)
    if start:
        data = data.partition(b"\n")[2]
    kept: list[str] = []
    for line in reversed(_shown(data, secrets)):
        cut = line.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")
        most -= len(cut.encode()) + 1
        if most < 0 and kept:
            break
        kept.append(cut)
    return kept[::-1]


def _shown(data: bytes, secrets: Collection[str]) -> list[str]:
    """The lines as others may see them; of a line that was redrawn, its last form."""
    if not data:
        return []
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").removesuffix("\n")
    hidden = withhold(mask(text, secrets))
    return [line.removesuffix("\r").rpartition("\r")[2] for line in hidden.split("\n")]


def _end_of_line(stream: BinaryIO, size: int) -> int:
    """The offset after the last line end within the last bytes; `size` if there is none."""
    start = max(0, size - _CONTEXT)
    found = os.pread(stream.fileno(), size - start, start).rfind(b"\n")
    return size if found < 0 else start + found + 1


def _count_lines(stream: BinaryIO, start: int, end: int) -> int:
    unfinished = os.pread(stream.fileno(), 1, end - 1) != b"\n"
    return _count_ends(stream, start, end) + unfinished


def _count_ends(stream: BinaryIO, start: int, end: int) -> int:
    found = 0
    while start < end:
        chunk = os.pread(stream.fileno(), min(_CHUNK, end - start), start)
        if not chunk:
            break
        found += chunk.count(b"\n")
        start += len(chunk)
    return found

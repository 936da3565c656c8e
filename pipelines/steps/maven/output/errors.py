"""The lines of Maven's log that can tell why it failed. Pure.

Maven repeats its errors after `BUILD FAILURE`; that block, or without it all error lines, tells
the cause. The end of the log does not: it is advice.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

from pipelines.steps.maven.output.log import plain

_KEPT_LINES = 300
_KEPT_SIGNS = 5

_LEVEL = re.compile(r"^(\[(ERROR|FATAL)\] ?)+")
_ADVICE = re.compile(
    r"To see the full stack trace|Re-run Maven using|For more information about the errors"
    r"|\[Help \d+\]|After correcting the problems|  mvn <args> -rf|-> \[Help|\s*$"
)
_HELP_MARK = re.compile(r" (?:-> \[Help \d+\]|@)$")
_SIGN = re.compile(
    r"^Terminating due to java\.lang\.OutOfMemoryError|^The system is out of resources"
    r"|insufficient memory for the Java Runtime|No space left on device|Disk quota exceeded"
    r"|^Unable to parse command line options|Failed to fetch http"
    r"|^/\S+\.java:\d+:\d+: (?:expecting|unexpected) "
)
"""Lines without a level that say why no error line may follow, or what it leaves out.

The last kind is checkstyle's parser; its error line has the file, and no line of it.
"""


class MavenErrors:
    """Takes a log's lines in and keeps some of them, however long the log is."""

    def __init__(self) -> None:
        self._early: deque[str] = deque(maxlen=_KEPT_LINES)
        self._final: deque[str] = deque(maxlen=_KEPT_LINES)
        self._signs: list[str] = []
        self._current = self._early
        self._in_error = False

    @property
    def lines(self) -> Sequence[str]:
        """Maven's error lines without level and advice."""
        kept = self._final or self._early
        return [*self._signs, *(line for line in kept if not _ADVICE.match(line))]

    def feed(self, line: str) -> None:
        """Take a line in."""
        line = plain(line)
        if line.startswith(("[ERROR]", "[FATAL]")):
            self._in_error = True
            self._current.append(_HELP_MARK.sub("", _LEVEL.sub("", line)))
        elif self._in_error and line.startswith("  "):
            self._current.append(line)
        else:
            self._in_error = False
            self._look(line)

    def _look(self, line: str) -> None:
        if line == "[INFO] BUILD FAILURE":
            self._current = self._final
        elif line == "[INFO] Scanning for projects...":
            self._forget()
        elif _SIGN.search(line) and len(self._signs) < _KEPT_SIGNS:
            self._signs.append(line)

    def _forget(self) -> None:
        """Another run of Maven begins: the one before went well, or its failure was accepted."""
        self._early.clear()
        self._final.clear()
        self._signs.clear()
        self._current = self._early

"""Why a packaging failed: the lines that say so, out of all that it wrote. Pure."""

from __future__ import annotations

import re
from collections import deque

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.debian.excerpt import excerpt

_LINES_BEFORE_MAKE = 6
_TELLING = re.compile(
    r"""^(?:
        dpkg-\w+:\ error:            # dpkg-buildpackage, dpkg-checkbuilddeps, dpkg-gencontrol
      | dh\w*:\ error:
      | ERROR:\                      # build-deb.sh
      | E:\                          # apt
      | fatal:\                      # git
      | \[ERROR\]\ (?!\[Help|To\ see|Re-run|For\ more|->|$)
      | \S+:\d+(?::\d+)?:\ (?:fatal\ )?error:   # compilers
      | \S+:\d+:\ \*\*\*\              # make, of a broken debian/rules
      | npm\ (?:ERR!|error)
    )""",
    re.VERBOSE,
)
# Node ends with its version when nothing caught an error, far below the line that tells it.
_THROWN = re.compile(r"^(?:Uncaught )?\w*Error(?: \[\w+\])?: ")
_NODE_ENDS = re.compile(r"^Node\.js v\d")
_MAKE = re.compile(r"^make(?:\[\d+\])?: \*\*\* ")
# True of every failure, and says nothing of its cause.
_OUTERMOST = re.compile(r"^dpkg-buildpackage: error: .* subprocess ")
# dpkg 1.22 writes them small, and "unmet build conflicts".
_UNMET = re.compile(
    r"dpkg-checkbuilddeps: error: "
    r"(Unmet build dependencies|(?:Unmet )?Build conflicts): (.*)",
    re.IGNORECASE,
)
# In a recipe, and of make itself.
_KILLED = re.compile(r"^make(?:\[\d+\])?: \*\*\* .*\] Killed$|subprocess was killed by signal 9\b")
_NO_SPACE = "No space left on device"
_SIGNAL_BASE = 128


class PackagingOutput:
    """Gathers what matters while the build runs; feed it each line."""

    def __init__(self) -> None:
        self._telling: dict[str, None] = {}
        self._last: deque[str] = deque(maxlen=_LINES_BEFORE_MAKE)
        self._before_make: tuple[str, ...] = ()
        self._thrown: str | None = None
        self._unmet: str | None = None
        self._no_space = False
        self._killed = False

    def add(self, line: str) -> None:
        """Take one line of output."""
        self._no_space = self._no_space or _NO_SPACE in line
        self._killed = self._killed or bool(_KILLED.search(line))
        unmet = _UNMET.search(line)
        if unmet:
            self._unmet = f"{unmet[1].lower()}: {unmet[2]}"
        if _MAKE.match(line) and not self._before_make:
            # What failed speaks just before make gives up, in words of its own.
            self._before_make = (*self._last, line)
        if _THROWN.match(line):
            self._thrown = line
        if self._thrown and _NODE_ENDS.match(line):
            self._telling[self._thrown] = None
        if _TELLING.match(line):
            self._telling[line] = None
        self._last.append(line)

    def failure(self, exit_code: int) -> StepFailed:
        """The failure of a build that ended with this exit code, not 0."""
        text = excerpt(self._lines())
        if self._no_space:
            return StepFailed(
                FailureCode.DISK_FULL, "packaging ran out of disk space", excerpt=text
            )
        if self._unmet:
            return StepFailed(
                FailureCode.BUILD_DEPENDS, f"packaging has {self._unmet}", excerpt=text
            )
        if self._killed or exit_code > _SIGNAL_BASE:
            signal = 9 if self._killed else exit_code - _SIGNAL_BASE
            return StepFailed(
                FailureCode.KILLED,
                f"packaging was ended by signal {signal}",
                excerpt=text,
                retryable=True,
            )
        return StepFailed(
            FailureCode.PACKAGING_FAILED,
            f"packaging failed: {self._cause(exit_code)}",
            excerpt=text,
        )

    def _cause(self, exit_code: int) -> str:
        causes = [line for line in self._telling if not _OUTERMOST.match(line)]
        return next(iter((*causes, *self._before_make[-2:])), f"exit code {exit_code}")[:300]

    def _lines(self) -> list[str]:
        lines = list(dict.fromkeys((*self._telling, *self._before_make)))
        return lines or list(self._last)

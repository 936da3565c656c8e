"""The reactors in Maven's log, read line by line. Pure.

The format is that of Maven 3.6 to 3.9 with `-B`; colour codes are there even so. With `-T` the
lines of modules interleave and `[n/N]` counts the modules that were started.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_COORDINATES = re.compile(r"\[INFO\] -+< [^\s<>]+:[^\s<>]+ >-+$")
_BUILDING = re.compile(r"\[INFO\] Building (?P<name>\S.*?)(?: +\[(?P<n>\d+)/(?P<of>\d+)\])$")
_BUILDING_ALONE = re.compile(r"\[INFO\] Building (?P<name>\S.*\S)$")
_PLANNED = re.compile(r"\[INFO\] (?P<name>\S.*?) +\[[\w.-]+\]$")
_SUMMARY = re.compile(
    r"\[INFO\] (?P<name>\S.*?)[ .]* (?P<result>SUCCESS|FAILURE|SKIPPED)"
    r"(?: \[ *(?P<time>[\d.:]+) (?P<unit>s|min|h)\])?$"
)
_INSTALLING = re.compile(r"\[INFO\] Installing /.* to (?P<file>/.*)$")


class ModuleResult(StrEnum):
    """Maven's word for how a module ended."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True, slots=True)
class Module:
    """A module in Maven's summary."""

    name: str
    result: ModuleResult
    seconds: float | None
    """None when it was skipped."""


@dataclass(slots=True)
class Reactor:
    """One run of Maven; a log can hold several, as when a packaging script calls Maven twice."""

    planned: list[str] = field(default_factory=list)
    """Names in build order; empty for a single module."""
    started: list[str] = field(default_factory=list)
    """Names of the modules that Maven started to build."""
    modules: list[Module] = field(default_factory=list)
    """The summary: empty when Maven was killed before it, and for a single module."""
    installed: list[str] = field(default_factory=list)
    """Absolute paths of files that were installed into the local repository."""
    succeeded: bool | None = None
    """None when Maven did not end."""


class MavenLog:
    """Reads a log's lines and keeps their content."""

    def __init__(self) -> None:
        self.reactors: list[Reactor] = []
        self._part = ""
        self._after_coordinates = False

    @property
    def last(self) -> Reactor:
        """The latest reactor; an empty one when there was none."""
        return self.reactors[-1] if self.reactors else Reactor()

    def feed(self, line: str) -> str | None:
        """Add a line; returns a text like `module 3 of 12: core` when a module starts."""
        line = plain(line)
        if line == "[INFO] Scanning for projects...":
            self.reactors.append(Reactor())
            self._part = ""
        elif self.reactors:
            return self._inside(line)
        return None

    def _inside(self, line: str) -> str | None:
        reactor = self.reactors[-1]
        if line == "[INFO] Reactor Build Order:":
            self._part = "order"
        elif line.startswith("[INFO] Reactor Summary"):
            self._part = "summary"
        elif line in ("[INFO] BUILD SUCCESS", "[INFO] BUILD FAILURE"):
            reactor.succeeded = line.endswith("SUCCESS")
            self._part = "end"
        elif self._part == "summary":
            reactor.modules += _summary_line(line)
        elif _COORDINATES.match(line):
            self._after_coordinates, self._part = True, "build"
        elif self._part == "order":
            reactor.planned += [match["name"] for match in [_PLANNED.match(line)] if match]
        elif match := _INSTALLING.match(line):
            reactor.installed.append(match["file"])
        else:
            return self._started(reactor, line)
        return None

    def _started(self, reactor: Reactor, line: str) -> str | None:
        numbered = _BUILDING.match(line)
        # A lone module has no number; its line directly follows its coordinates, which
        # distinguishes it from a plugin's `Building jar: ...`.
        alone = self._after_coordinates and not reactor.planned
        match = numbered or (_BUILDING_ALONE.match(line) if alone else None)
        self._after_coordinates = False
        if not match:
            return None
        name = match["name"].rpartition(" ")[0].strip() or match["name"]
        reactor.started.append(name)
        if not numbered:
            return f"module {name}"
        return f"module {numbered['n']} of {numbered['of']}: {name}"


def plain(line: str) -> str:
    """A line without colours and without spaces at its end."""
    return _ANSI.sub("", line).rstrip()


def _summary_line(line: str) -> list[Module]:
    match = _SUMMARY.match(line)
    if not match:
        return []
    seconds = _seconds(match["time"], match["unit"]) if match["time"] else None
    return [Module(match["name"], ModuleResult(match["result"]), seconds)]


def _seconds(time: str, unit: str) -> float:
    """`1.224 s`, `01:23 min` (minutes and seconds), `01:02 h` (hours and minutes)."""
    if unit == "s":
        return float(time)
    large, _, small = time.partition(":")
    return (int(large) * 60 + int(small or 0)) * (60 if unit == "h" else 1)

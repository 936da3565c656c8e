"""The lines of Maven's log that can show why it failed. Pure.

Maven repeats its errors after `BUILD FAILURE`, but a plugin with its own form of reports printed
the cause before that: its goal's lines are kept too. The end of the log is advice.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from pipelines.failures.evidence import Cause, Evidence
from pipelines.failures.table import plain
from pipelines.steps.maven.output.surefire import FailedTest

_KEPT_LINES = 300
_KEPT_GOALS = 20
_KEPT_OF_GOAL = 60
_LONGEST = 1000

_LEVEL = re.compile(r"^(\[(ERROR|FATAL|WARNING|INFO)\] ?)+")
_ADVICE = re.compile(
    r"To see the full stack trace|Re-run Maven using|For more information about the errors"
    r"|\[Help \d+\]|After correcting the problems|\s*mvn (?:<args>|\[args\]) -rf?\b|-> \[Help|\s*$"
    r"|Please refer to (?:\S+/(?:surefire|failsafe)-reports|dump files)|See \S+ for the individual"
    r"|See dump files \(if any exist\)"
    r"|\s+at (?:\S+ )?\(?\S+\(|Command was |org\.apache\.maven\.surefire\.booter\.Surefire"
)
_RULER = re.compile(r"\[INFO\] ?-*$")
_HELP_MARK = re.compile(r" (?:-> \[Help \d+\]|@)$")
_GOAL_BEGINS = re.compile(
    r"\[INFO\] --- (?P<goal>\S+:\S+) \((?P<execution>[^)]*)\) @ (?P<module>\S+) ---$"
)
_RUNNING_TEST = re.compile(r"(?:\[INFO\] )?Running (?P<name>[\w.$]+)$")
_TEST_ENDED = re.compile(r"(?:\[\w+\] )?Tests run: .*(?:-- in |- in )(?P<name>[\w.$]+)")
_FAILED_TEST = re.compile(
    r"(?:\[ERROR\] +)?(?!Tests run:)(?P<name>\S.{0,300}?)(?: -- | {2,})Time elapsed: \S+ s(?:ec)?"
    r" +<<< (?:FAILURE|ERROR)!"
)
_OLD_NAME = re.compile(r"(?P<method>[^.()]+)\((?P<name>[\w.$]+)\)$")
"""`method(package.Class)`, as surefire 2 writes it."""
_WARNED = re.compile(r"\[WARNING\] (?:\S+\.\w+:\[\d+,\d+\] |\S+\.\w+:\d+: )")


def without_level(line: str) -> str:
    """A line without the `[ERROR] ` before it."""
    return _LEVEL.sub("", line)


class Goal:
    """The output of one goal of one module."""

    def __init__(self, name: str = "", module: str = "") -> None:
        self.name = name
        """`plugin:version:goal`, as far as Maven's heading has it."""
        self.module = module
        self.errors: deque[str] = deque(maxlen=_KEPT_OF_GOAL)
        self.warnings: list[str] = []
        """Lines that name a place in a file."""
        self.running: dict[str, None] = {}
        """Classes of tests that have started and not ended."""
        self.failed_tests: list[FailedTest] = []
        self._names_failure = False
        self._class = ""
        """Class of the tests whose results follow."""
        self._evidence = Evidence()

    def feed(self, line: str, *, error: bool) -> None:
        """Add a plain line."""
        if error:
            self.errors.append(without_level(line)[:_LONGEST])
        if _WARNED.match(line) and len(self.warnings) < _KEPT_OF_GOAL:
            self.warnings.append(line.removeprefix("[WARNING] ")[:_LONGEST])
        if began := _RUNNING_TEST.match(line):
            self.running[began["name"]] = None
        elif ended := _TEST_ENDED.match(line):
            self._class = ended["name"]
            self.running.pop(self._class, None)
        self._feed_failed_test(line)
        self._evidence.feed(line)

    def _feed_failed_test(self, line: str) -> None:
        """The line of a failed test, and the exception on the line below it."""
        if self._names_failure and line and not line.startswith(("[", "\t")):
            self.failed_tests[-1] = replace(self.failed_tests[-1], message=line[:_LONGEST])
        failed = _FAILED_TEST.match(line)
        self._names_failure = bool(failed) and len(self.failed_tests) < _KEPT_OF_GOAL
        if failed and self._names_failure:
            old = _OLD_NAME.match(failed["name"])
            name = f"{old['name']}.{old['method']}" if old else failed["name"]
            name = name if "." in name else f"{self._class}.{name}".removeprefix(".")
            self.failed_tests.append(FailedTest(name, "it failed"))

    def cause(self) -> Cause:
        """The cause that its output shows."""
        return self._evidence.cause()

    @property
    def last_lines(self) -> Sequence[str]:
        """The last lines that it printed."""
        return self._evidence.last_lines


class MavenErrors:
    """Reads a log's lines and keeps some of them, however long the log is."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        """Another run of Maven starts: the one before succeeded, or its failure was accepted."""
        self._early: deque[str] = deque(maxlen=_KEPT_LINES)
        self._final: deque[str] = deque(maxlen=_KEPT_LINES)
        self._goals: deque[Goal] = deque([Goal()], maxlen=_KEPT_GOALS)
        self._in_error = False
        self._ended = False

    @property
    def lines(self) -> Sequence[str]:
        """Maven's final error lines, otherwise all of them, without level and advice."""
        kept = self._final if self._ended and self._final else self._early
        return [line for line in kept if not _ADVICE.match(line)]

    def goal(self, name: str = "", module: str = "") -> Goal:
        """The output of the latest goal of this name for the module, or else of the latest goal."""
        if not name:
            return self._goals[-1]
        plugin, short = _plugin(name), name.rpartition(":")[2]
        for goal in reversed(self._goals):
            if goal.module == module and _same(goal.name, plugin, short):
                return goal
        of_module = (goal for goal in reversed(self._goals) if goal.module == module)
        return next(of_module, self._goals[-1])

    def failed_tests(self, name: str, module: str) -> Sequence[FailedTest]:
        """The tests that this goal's plugin, in any of its goals, reported for the module."""
        plugin = _plugin(name)
        return [
            test
            for goal in self._goals
            if goal.module == module and goal.name.partition(":")[0] in _headings(plugin)
            for test in goal.failed_tests
        ]

    def feed(self, text: str) -> None:
        """Take a line in."""
        line = plain(text)
        if line == "[INFO] Scanning for projects...":
            self._forget()
        elif line == "[INFO] BUILD FAILURE":
            self._ended = True
        elif begins := _GOAL_BEGINS.match(line):
            self._goals.append(Goal(begins["goal"], begins["module"]))
        else:
            self._take(line)

    def _take(self, line: str) -> None:
        error = line.startswith(("[ERROR]", "[FATAL]"))
        self._in_error = error or (self._in_error and line.startswith("  "))
        if self._in_error:
            kept = self._final if self._ended else self._early
            kept.append(_HELP_MARK.sub("", without_level(line)))
        if not self._ended and not _RULER.match(line):
            self._goals[-1].feed(line, error=error)


def _plugin(goal: str) -> str:
    """The artifact of `group:artifact:version:goal`."""
    first, *others = goal.split(":")
    return others[0] if len(others) > 1 else first


def _headings(plugin: str) -> tuple[str, ...]:
    """A plugin's name in a goal's heading, which Maven 3.9 and 4 shorten."""
    return (
        *(plugin, plugin.removeprefix("maven-").removesuffix("-plugin")),
        *(plugin.removesuffix("-maven-plugin"), plugin.removesuffix("-plugin")),
    )


def _same(heading: str, plugin: str, short: str) -> bool:
    """Whether a heading is that of a goal."""
    name, _, goal = heading.partition(":")
    return goal.rpartition(":")[2] == short and name in _headings(plugin)

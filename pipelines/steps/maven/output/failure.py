"""Why Maven failed, in words, from its own error lines. Pure."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.maven.output.surefire import FailedTest

MAX_EXCERPT = 2000
"""Bytes."""
_MAX_MESSAGE = 300
_SHOWN_TESTS = 5
_MAX_PLACES = 10
_MAX_TESTS = 20
_SIGNALLED = 128

_GOAL = re.compile(
    r"Failed to execute goal (?:(?P<goal>[\w.-]+:\S+) .*?)?on project (?P<module>[^:\s]+): *"
    r"(?P<what>[\s\S]*?)(?=\nFailed to execute goal|\Z)"
)
_DISK = re.compile(r"No space left on device|Disk quota exceeded")
_MEMORY = re.compile(
    r"^.*(?:OutOfMemoryError|Java heap space|GC overhead limit exceeded|system is out of resources"
    r"|insufficient memory for the Java Runtime|Cannot allocate memory|^Metaspace$).*",
    re.MULTILINE,
)
_TRANSFER = re.compile(r"Could not transfer|transfer failed|Could not get content|Connect to ")
# The last one is all that Maven 3.9 says of a failed connection; a status would stand behind it.
_NO_ANSWER = re.compile(
    r"Connection (?:refused|reset)|[Tt]imed out|Unknown ?[Hh]ost(?: [\w.-]+)?|Could not get content"
    r"|Network is unreachable|No route to host|name resolution|status(?: code)?: ?(?:429|5\d\d)"
    r"|Remote host terminated|[Pp]remature end|transfer failed for \S+$",
    re.MULTILINE,
)
_NO_WRAPPED_MAVEN = re.compile(r"Failed to fetch http")
"""What `mvnw` says when it can't get its Maven."""
_DEPENDENCY = re.compile(
    r"Could not resolve dependencies|could not be resolved|Could not find artifact"
    r"|ArtifactNotFoundException|ArtifactResolutionException|Failed to read artifact descriptor"
    r"|was not found in \S+ during a previous attempt|in offline mode"
    r"|Non-resolvable (?:parent|import) POM"
)
_ARTIFACT = re.compile(
    r"Could not find artifact (\S+)|the artifact (\S+) has not been downloaded"
    r"|(\S+) was not found in |Could not transfer artifact (\S+)"
)
_PLUGIN = re.compile(r"Plugin (\S+:\S+)")
"""Says which plugin is not to be had; what of it is missing stands behind that, if anywhere."""
_POM = re.compile(
    r"The build could not read \d+ project|Non-(?:readable|parseable) POM"
    r"|[Cc]hild module .* does not exist"
)
_POM_PROBLEM = re.compile(
    r"The project .*?\((?P<pom>\S+)\) has \d+ errors?\n +(?P<problem>.*)"
    r"|(?P<other>Non-\w+ POM .*)"
)
_PLACE = re.compile(
    r"^(?P<file>\S+\.\w+):\[(?P<line>\d+),\d+\] (?:error: )?(?P<what>.*)", re.MULTILINE
)
_UNPARSED = re.compile(
    r"^(?P<file>\S+):(?P<line>\d+):\d+: (?P<what>.*)$(?=[\s\S]* while processing (?P=file):)",
    re.MULTILINE,
)
"""A file that checkstyle could not parse, and the error line that names it."""
_ABOUT_ARTIFACTS = (FailureCode.NETWORK, FailureCode.MAVEN_DEPENDENCY)
_KINDS_OF_GOALS = (
    (FailureCode.MAVEN_ENFORCER, re.compile(r"maven-enforcer-plugin:")),
    (FailureCode.MAVEN_TEST, re.compile(r"maven-(?:surefire|failsafe)-plugin:")),
    (FailureCode.MAVEN_COMPILE, re.compile(r"compiler-plugin:|:(?:testC|test-c|c)ompile$")),
)


def maven_failure(
    lines: Sequence[str], exit_code: int, *, source: Path, tests: Sequence[FailedTest] = ()
) -> StepFailed:
    """The failure that Maven's error lines (`MavenErrors.lines`) and its failed tests tell of.

    Paths below `source` are shown relative to it.
    """
    below_source = re.compile(rf"(?<![\w.-]){re.escape(str(source))}/")
    text = below_source.sub("", "\n".join(dict.fromkeys(lines)))
    code = _code(text, exit_code)
    told = [f"{test.name}: {test.message}" for test in tests]
    return StepFailed(
        code,
        _one_line(_message(code, text, exit_code, tests)),
        excerpt=_excerpt([*(told if code is FailureCode.MAVEN_TEST else []), *text.splitlines()]),
        retryable=code in (FailureCode.NETWORK, FailureCode.KILLED),
        details=_details(code, text, tests),
    )


def _details(code: FailureCode, text: str, tests: Sequence[FailedTest]) -> dict[str, Any]:
    """The failure's parts for programs: only those that are known."""
    modules = list(dict.fromkeys(goal["module"] for goal in _GOAL.finditer(text)))
    places = {(place["file"], int(place["line"]), place["what"]) for place in _PLACE.finditer(text)}
    artifact = _artifact(text) if code in _ABOUT_ARTIFACTS else None
    told = tests[:_MAX_TESTS] if code is FailureCode.MAVEN_TEST else ()
    details = {
        "module": modules[0] if modules else None,
        "modules": modules[1:] and modules[:_MAX_PLACES],
        "places": [
            {"file": file, "line": line, "message": what[:_MAX_MESSAGE]}
            for file, line, what in sorted(places)[:_MAX_PLACES]
        ],
        "tests": [{"name": test.name, "message": test.message[:_MAX_MESSAGE]} for test in told],
        "artifact": artifact,
    }
    return {name: value for name, value in details.items() if value}


def _code(text: str, exit_code: int) -> FailureCode:
    """The cause that comes first in the chain: a full disk fails a compiler, not the reverse."""
    goal = _GOAL.search(text)
    name = (goal["goal"] if goal else None) or ""
    by_goal = next((code for code, kind in _KINDS_OF_GOALS if kind.search(name)), None)
    rules = (
        (FailureCode.DISK_FULL, _DISK.search(text)),
        (FailureCode.OUT_OF_MEMORY, _MEMORY.search(text)),
        (FailureCode.KILLED, exit_code > _SIGNALLED),
        (FailureCode.NETWORK, _TRANSFER.search(text) and _NO_ANSWER.search(text)),
        (FailureCode.NETWORK, _NO_WRAPPED_MAVEN.search(text)),
        (FailureCode.MAVEN_ENFORCER, by_goal is FailureCode.MAVEN_ENFORCER),
        (FailureCode.MAVEN_DEPENDENCY, _DEPENDENCY.search(text)),
        (FailureCode.MAVEN_POM, _POM.search(text)),
    )
    holding = next((code for code, holds in rules if holds), None)
    return holding or by_goal or FailureCode.MAVEN_FAILED


def _message(code: FailureCode, text: str, exit_code: int, tests: Sequence[FailedTest]) -> str:
    if code is FailureCode.KILLED:
        return f"Maven was ended by {_signal_name(exit_code)}"
    words = _tests(tests) if code is FailureCode.MAVEN_TEST else _words(code, text)
    goal = _GOAL.search(text)
    if not goal:
        return words or text or f"mvn ended with exit code {exit_code} and without an error line"
    others = len(set(_GOAL.findall(text))) - 1
    more = f" (and {others} more)" if others else ""
    return f"module {goal['module']}{more}: {words or goal['what']}"


def _words(code: FailureCode, text: str) -> str | None:
    """What the failure's own pattern finds, said shortly; None when it does not find enough."""
    tell = _TELL.get(code)
    return tell(text) if tell else None


def _memory(text: str) -> str:
    said = _MEMORY.search(text)
    return f"Java ran out of memory{f': {said[0]}' if said else ''}"


def _disk(text: str) -> str:  # noqa: ARG001 - as the others
    return "no space is left on the disk"


def _no_answer(text: str) -> str | None:
    artifact, why = _unresolved(text), _NO_ANSWER.search(text)
    return f"{artifact}: {why[0]}" if artifact and why else None


def _artifact(text: str) -> str | None:
    found = _ARTIFACT.search(text) or _PLUGIN.search(text)
    return found[found.lastindex or 0] if found else None


def _unresolved(text: str) -> str | None:
    artifact = _artifact(text)
    return f"{artifact} can't be resolved" if artifact else None


def _pom_problem(text: str) -> str | None:
    found = _POM_PROBLEM.search(text)
    return (found["other"] or f"{found['pom']}: {found['problem']}") if found else None


def _places(text: str) -> str | None:
    places = list(_PLACE.finditer(text))
    if not places:
        return None
    first = places[0]
    others = len({(place["file"], place["line"]) for place in places}) - 1
    more = f" (and {others} more)" if others else ""
    return f"does not compile: {first['file']}:{first['line']}: {first['what']}{more}"


def _unparsed(text: str) -> str | None:
    found = _UNPARSED.search(text)
    return f"{found['file']}:{found['line']}: {found['what']}" if found else None


_TELL: Mapping[FailureCode, Callable[[str], str | None]] = {
    FailureCode.OUT_OF_MEMORY: _memory,
    FailureCode.DISK_FULL: _disk,
    FailureCode.NETWORK: _no_answer,
    FailureCode.MAVEN_DEPENDENCY: _unresolved,
    FailureCode.MAVEN_POM: _pom_problem,
    FailureCode.MAVEN_COMPILE: _places,
    FailureCode.MAVEN_FAILED: _unparsed,
}


def _tests(tests: Sequence[FailedTest]) -> str | None:
    names = ", ".join(test.name for test in tests[:_SHOWN_TESTS])
    more = f" and {len(tests) - _SHOWN_TESTS} more" if len(tests) > _SHOWN_TESTS else ""
    how_many = "1 test fails" if len(tests) == 1 else f"{len(tests)} tests fail"
    return f"{how_many}: {names}{more}" if tests else None


def _signal_name(exit_code: int) -> str:
    number = exit_code - _SIGNALLED
    known = {int(known): known.name for known in signal.Signals}
    return known.get(number, f"signal {number}")


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_MESSAGE else f"{line[: _MAX_MESSAGE - 3]}..."


def _excerpt(lines: Sequence[str]) -> str:
    """The first lines, as far as they fit."""
    kept: list[str] = []
    size = 0
    for line in lines:
        size += len(line.encode()) + 1
        if size > MAX_EXCERPT - 4:
            kept.append("...")
            break
        kept.append(line)
    if kept == ["..."]:
        return lines[0].encode()[: MAX_EXCERPT - 4].decode(errors="ignore") + "..."
    return "\n".join(kept)

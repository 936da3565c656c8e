"""Why Maven failed, in words, from its own error lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.failures.evidence import Cause
from pipelines.failures.excerpt import excerpt, one_line, relative
from pipelines.failures.exit_code import killed
from pipelines.failures.tools.maven import VERDICTS, MavenVerdict
from pipelines.steps.maven.output.errors import Goal, MavenErrors, without_level
from pipelines.steps.maven.output.surefire import FailedTest

_MAX_MESSAGE = 300
_SHOWN_TESTS = 5
_MAX_PLACES = 10
_MAX_TESTS = 20
_OWN_LINES = 12

_GOAL = re.compile(
    r"Failed to execute goal (?:(?P<goal>[\w.-]+:\S+) .*?)?on project (?P<module>[^:\s]+): *"
    r"(?P<what>[\s\S]*?)(?=\nFailed to execute goal|\Z)"
)
_NO_ANSWER = re.compile(
    r"Connection (?:refused|reset)|[Tt]imed out|Unknown ?[Hh]ost(?: [\w.-]+)?|Could not get content"
    r"|Network is unreachable|No route to host|name resolution|status(?: code)?: ?(?:429|5\d\d)"
    r"|(?:[\w.-]+: )?Name or service not known"
    r"|Remote host terminated|[Pp]remature end|transfer failed for \S+$",
    re.MULTILINE,
)
_ARTIFACT = re.compile(
    r"Could not find artifact (\S+)|the artifact (\S+) has not been downloaded"
    r"|(\S+) was not found in |Could not transfer artifact (\S+)"
)
_REFUSED = re.compile(
    r"status(?: code)?: ?4\d\d[^,\n]{0,80}|Checksum validation failed[^\n]{0,120}|Blocked mirror"
    r"|in offline mode"
)
"""Why the repository, or Maven itself, did not provide an artifact."""
_PLUGIN = re.compile(r"Plugin (\S+:\S+)")
"""Names the missing plugin; the missing file, if given, follows it."""
_POM_PROBLEM = re.compile(
    r"The project .*?\((?P<pom>\S+)\) has \d+ errors?\n +(?P<problem>.*)"
    r"|(?P<other>Non-\w+ POM .*)"
)
_PLACE = re.compile(
    r"^ *(?:file:)?(?P<file>[^\s:]+\.\w+)(?: ?\[(?P<line3>\d+)[,:]\d+\]:?"
    r"|:(?:\[(?P<line>\d+),\d+\]|(?P<line2>\d+):(?:\d+:)?))"
    r" (?:error: )?(?P<what>.*)",
    re.MULTILINE,
)
_GROOVY = re.compile(r"^(?P<file>\S+\.groovy): (?P<line>\d+): (?P<what>.*)", re.MULTILINE)
_SAX = re.compile(
    r"(?:at|in) (?:file:)?(?P<file>[^\s,]+), line (?P<line>\d+), +column \d+: (?:fatal )?error: "
    r"(?P<what>.*)"
)
"""As Java's parsers of XML write it."""
_ENFORCED = re.compile(
    r"Rule \d+: (?:[\w.]+\.)?(?P<rule>\w+) failed with message:\s*"
    r"(?:Failed while enforcing \w+\. The error\(s\) are \[\s*)?(?P<what>[\s\S]*)"
)
_EXECUTION = re.compile(r"Execution \S+ of goal \S+ failed: ")
_CRASHED = re.compile(r"^Crashed tests:\n(?P<names>(?:[\w.$]+\n?)+)", re.MULTILINE)
_LOST_JVM = re.compile(r"forked VM terminated")
_EXIT_CODE = re.compile(r"^Process Exit Code: (\d+)", re.MULTILINE)
_OF_THE_JVM = ("java", "memory")
"""Tools of the table that show why Java did not start, or ended."""
_ABOUT_ARTIFACTS = (FailureCode.NETWORK, FailureCode.MAVEN_DEPENDENCY)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The interpretation of the error lines."""

    text: str
    """The final error lines."""
    goal: re.Match[str] | None
    verdict: MavenVerdict
    found: str
    printed: Goal
    """The earlier output of the failed goal."""
    tests: Sequence[FailedTest]
    shown: Callable[[Sequence[str]], str]
    """Lines as one text, each once, with paths relative to the source."""

    @property
    def code(self) -> FailureCode:
        return self.verdict.code

    @property
    def own(self) -> Cause | None:
        """The cause from the goal's own output, if the final lines do not have it."""
        cause = self.printed.cause() if self.code is FailureCode.MAVEN_FAILED else None
        return cause if cause and cause.tool not in ("", "maven") else None


def maven_failure(
    errors: MavenErrors, exit_code: int, *, source: Path, tests: Sequence[FailedTest] = ()
) -> StepFailed:
    """The failure that Maven's output and its failed tests show.

    Paths below `source` are shown relative to it.
    """

    def shown(lines: Sequence[str]) -> str:
        return relative("\n".join(dict.fromkeys(lines)), source)

    signalled = killed("Maven", exit_code, excerpt(errors.goal().last_lines))
    if signalled:
        return signalled
    if not errors.lines:
        return _without_error_line(errors, exit_code, shown)
    reading = _read(errors, tests, shown)
    lines = _lines(reading)
    return StepFailed(
        reading.code,
        one_line(_message(reading)),
        excerpt=excerpt(lines),
        retryable=reading.verdict.retry,
        details=_details(reading, "\n".join(lines)),
    )


def while_running(failure: StepFailed, errors: MavenErrors) -> StepFailed:
    """`failure`, which stopped Maven from outside, with the running tests or goal."""
    goal = errors.goal()
    tests = ", ".join([*goal.running][:_SHOWN_TESTS])
    where = f"; {tests} was running" if tests else f"; {goal.name} was running" if goal.name else ""
    running = [{"name": name, "message": "it was running"} for name in goal.running]
    return StepFailed(
        failure.code,
        f"{failure.message}{where}",
        excerpt=failure.excerpt,
        retryable=failure.retryable,
        log=failure.log,
        details={**failure.details, **({"tests": running[:_MAX_TESTS]} if running else {})},
    )


def _without_error_line(
    errors: MavenErrors, exit_code: int, shown: Callable[[Sequence[str]], str]
) -> StepFailed:
    """Java did not start, a wrapper found no Maven, or the output was closed."""
    cause = errors.goal().cause()
    ended = f"mvn failed with exit code {exit_code} without an error line"
    words = cause.message if cause.tool else f"{ended}: {cause.message}"
    memory = "Java ran out of memory: " if cause.code is FailureCode.OUT_OF_MEMORY else ""
    return StepFailed(
        cause.code or FailureCode.MAVEN_FAILED,
        one_line(shown([f"{memory}{words}".removesuffix(": ")])),
        excerpt=excerpt(shown(cause.lines).splitlines()),
        retryable=cause.retry,
    )


def _read(
    errors: MavenErrors, tests: Sequence[FailedTest], shown: Callable[[Sequence[str]], str]
) -> _Reading:
    text = shown(errors.lines)
    goal = _GOAL.search(text)
    name = (goal["goal"] if goal else None) or ""
    module = goal["module"] if goal else ""
    printed = errors.goal(name, module)
    what = goal["what"] if goal else text
    if _LOST_JVM.search(what) and printed.cause().code is FailureCode.OUT_OF_MEMORY:
        what = f"{what}\n{printed.cause().message}"
    for verdict in VERDICTS:
        found = verdict.match(name, what)
        if found:
            break
    # A run without reports, or whose reports are removed, has them in its output.
    told = _told(text, tests or errors.failed_tests(name, module))
    return _Reading(text, goal, verdict, found[0] if found else "", printed, told, shown)


def _told(text: str, tests: Sequence[FailedTest]) -> Sequence[FailedTest]:
    """The failed tests; first those that crashed the JVM and left no report."""
    crashed = _CRASHED.search(text)
    code = _EXIT_CODE.search(text)
    why = f"the test JVM exited with code {code[1]}" if code else "the test JVM exited early"
    names = dict.fromkeys(crashed["names"].split()) if crashed else ()
    return (*(FailedTest(name, why) for name in names), *tests)


def _lines(reading: _Reading) -> list[str]:
    return reading.shown(_all_lines(reading)).splitlines()


def _all_lines(reading: _Reading) -> list[str]:
    """Tests, final lines, then the goal's own output, as far as it adds something."""
    told = [f"{test.name}: {test.message}" for test in reading.tests]
    final = reading.text.splitlines()
    if reading.code is FailureCode.MAVEN_TEST:
        cause = reading.printed.cause()
        jvm = cause.lines if cause.tool in _OF_THE_JVM and _EXIT_CODE.search(reading.text) else ()
        return [*told, *jvm, *final, *(reading.printed.errors if not told else ())]
    if reading.code in _ABOUT_ARTIFACTS or not reading.goal:
        return final
    printed = reading.printed
    more = [*printed.errors, *(printed.warnings if _PLACE.search(reading.text) is None else ())]
    own = reading.own
    if own:
        said = [without_level(line) for line in own.lines]
        return [*final[:_OWN_LINES], *said, *more, *final[_OWN_LINES:]]
    unexplained = reading.verdict.own_output and not more
    return [*final, *more, *(printed.last_lines if unexplained else ())]


def _details(reading: _Reading, text: str) -> dict[str, Any]:
    """The known parts of the failure, for programs."""
    code = reading.code
    modules = list(dict.fromkeys(goal["module"] for goal in _GOAL.finditer(reading.text)))
    artifact = _artifact(reading.text) if code in _ABOUT_ARTIFACTS else None
    told = reading.tests[:_MAX_TESTS] if code is FailureCode.MAVEN_TEST else ()
    about_files = code not in (*_ABOUT_ARTIFACTS, FailureCode.MAVEN_TEST)
    details = {
        "module": modules[0] if modules else None,
        "modules": modules[1:] and modules[:_MAX_PLACES],
        "places": (_places(text) or _own_place(reading))[:_MAX_PLACES] if about_files else [],
        "tests": [{"name": test.name, "message": test.message[:_MAX_MESSAGE]} for test in told],
        "artifact": artifact,
    }
    return {name: value for name, value in details.items() if value}


def _places(text: str) -> list[dict[str, Any]]:
    """Places in files, each line once, sorted."""
    found: dict[tuple[str, int], str] = {}
    for place in (*_PLACE.finditer(text), *_GROOVY.finditer(text), *_SAX.finditer(text)):
        groups = place.groupdict()
        line = int(groups["line"] or groups.get("line2") or groups["line3"])
        found.setdefault((place["file"], line), place["what"])
    return [
        {"file": file, "line": line, "message": what[:_MAX_MESSAGE]}
        for (file, line), what in sorted(found.items())
    ]


def _own_place(reading: _Reading) -> list[dict[str, Any]]:
    own = reading.own
    if not own or not own.file:
        return []
    message = own.what[:_MAX_MESSAGE]
    return [{"file": reading.shown([own.file]), "line": own.line, "message": message}]


def _message(reading: _Reading) -> str:
    words = _words(reading)
    if not reading.goal:
        return words or reading.text
    others = len(set(_GOAL.findall(reading.text))) - 1
    more = f" (and {others} more)" if others else ""
    said = words or reading.goal["what"].strip() or f"{reading.goal['goal']} failed"
    return f"module {reading.goal['module']}{more}: {_EXECUTION.sub('', said, count=1)}"


def _words(reading: _Reading) -> str | None:
    """The message of the row, or of the code's own search; None when that is not enough."""
    if reading.verdict.say:
        return reading.verdict.say.format(found=reading.found.strip())
    if reading.code is FailureCode.MAVEN_TEST:
        return _crash(reading) or _tests(reading.tests) or _running(reading)
    tell = _TELL.get(reading.code)
    if tell:
        return tell("\n".join(_lines(reading)))
    if reading.code is not FailureCode.MAVEN_FAILED or not reading.goal:
        return None
    what = reading.goal["what"].partition("\n")[0]
    if reading.own:
        own = reading.own
        told = f"{own.file}:{own.line}: {own.what}" if own.file else own.message
        words = reading.shown([told])
        return f"{words} ({what})" if what else words
    return _first_place(reading, what) or _first_error(reading, what)


def _first_place(reading: _Reading, what: str) -> str | None:
    """The count of a plugin's findings, with the first of them."""
    places = _places("\n".join(_lines(reading)))
    if not places:
        return None
    first = places[0]
    place = f"{first['file']}:{first['line']}: {first['message']}"
    return place if first["message"] in what else f"{place} ({what})"


def _first_error(reading: _Reading, what: str) -> str | None:
    """The first error of a plugin whose final message only says that there were errors."""
    errors = reading.shown(reading.printed.errors).splitlines()
    first = next((e for e in errors if e.strip() and e.strip() not in reading.text), None)
    return f"{first} ({what})" if first and what else None


def _running(reading: _Reading) -> str | None:
    """A test that took too long and has no result."""
    names, goal = ", ".join([*reading.printed.running][:_SHOWN_TESTS]), reading.goal
    why = goal["what"].strip().partition("\n")[0] if goal else ""
    return f"{why}; {names} was running" if names and why else None


def _crash(reading: _Reading) -> str | None:
    text = reading.text
    crashed, code = _CRASHED.search(text), _EXIT_CODE.search(text)
    if not (crashed or code):
        return None
    ended = f"exited with code {code[1]}" if code else "exited early"
    names = dict.fromkeys(crashed["names"].split()) if crashed else ()
    where = f" in {', '.join([*names][:_SHOWN_TESTS])}" if names else ""
    cause = reading.printed.cause()
    why = f": {cause.message}" if cause.tool in _OF_THE_JVM else ""
    return f"the test JVM {ended}{where}{why}"


def _no_answer(text: str) -> str | None:
    artifact, why = _unresolved(text), _NO_ANSWER.search(text)
    return f"{artifact}: {why[0]}" if artifact and why else None


def _artifact(text: str) -> str | None:
    found = _ARTIFACT.search(text) or _PLUGIN.search(text)
    return found[found.lastindex or 0] if found else None


def _why_unresolved(text: str) -> str | None:
    unresolved, why = _unresolved(text), _REFUSED.search(text)
    return f"{unresolved}: {why[0].strip()}" if unresolved and why else unresolved


def _unresolved(text: str) -> str | None:
    artifact = _artifact(text)
    verb = "deploy" if "Failed to deploy" in text else "resolve"
    return f"cannot {verb} {artifact}" if artifact else None


def _pom_problem(text: str) -> str | None:
    found = _POM_PROBLEM.search(text)
    return (found["other"] or f"{found['pom']}: {found['problem']}") if found else None


def _does_not_compile(text: str) -> str | None:
    places = _places(text)
    if not places:
        return None
    first = places[0]
    others = len(places) - 1
    more = f" (and {others} more)" if others else ""
    return f"does not compile: {first['file']}:{first['line']}: {first['message']}{more}"


def _enforced(text: str) -> str | None:
    found = _ENFORCED.search(text)
    return f"{found['rule']}: {found['what']}" if found else None


_TELL: Mapping[FailureCode, Callable[[str], str | None]] = {
    FailureCode.NETWORK: _no_answer,
    FailureCode.MAVEN_DEPENDENCY: _why_unresolved,
    FailureCode.MAVEN_ENFORCER: _enforced,
    FailureCode.MAVEN_POM: _pom_problem,
    FailureCode.MAVEN_COMPILE: _does_not_compile,
}


def _tests(tests: Sequence[FailedTest]) -> str | None:
    names = ", ".join(test.name for test in tests[:_SHOWN_TESTS])
    more = f" and {len(tests) - _SHOWN_TESTS} more" if len(tests) > _SHOWN_TESTS else ""
    how_many = "1 test fails" if len(tests) == 1 else f"{len(tests)} tests fail"
    return f"{how_many}: {names}{more}" if tests else None

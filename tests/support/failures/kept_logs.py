"""Logs of builds that failed, each with what a reader has to be told of it.

A log begins with lines `# NAME: VALUE`: `step` (maven, build-deb or run), `exit` (a minus and the
number where a signal ended the command), `code`, `retry` (yes or no), and any number of `says`
(in the message), `excerpt` and `place` (`file:line`). The paths in it are below `/src`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.exit_code import ExitCode
from pipelines.failures.evidence import Evidence
from pipelines.failures.verdict import verdict
from pipelines.steps.debian.build.output import BuildOutput
from pipelines.steps.maven.output.errors import MavenErrors
from pipelines.steps.maven.output.failure import maven_failure

LOGS = Path(__file__).parents[2] / "unit" / "pipelines" / "failures" / "kept_logs"
SOURCE = Path("/src")
_HEADER = re.compile(r"# (\w+): (.*)")


@dataclass(frozen=True, slots=True)
class KeptLog:
    """A log, and what is right."""

    name: str
    """`tool/case`."""
    wanted: tuple[tuple[str, str], ...]
    lines: tuple[str, ...]

    def all(self, name: str) -> list[str]:
        """The header's values of this name."""
        return [value for key, value in self.wanted if key == name]

    def one(self, name: str) -> str:
        """The header's only value of this name."""
        (value,) = self.all(name)
        return value

    def failure(self, scratch: Path) -> StepFailed:
        """What the step that wrote it fails of; `scratch` is a folder to write to."""
        code = ExitCode.of(int(self.one("exit")))
        if self.one("step") == "maven":
            errors = MavenErrors()
            for line in self.lines:
                errors.feed(line)
            return maven_failure(errors, code, source=SOURCE)
        if self.one("step") == "build-deb":
            events = scratch / "events"
            events.touch()
            output = BuildOutput(SOURCE, lambda _: None, since=0, reports=SOURCE, events=events)
            for line in self.lines:
                output.add(line)
            return output.failure(code)
        evidence = Evidence()
        for line in self.lines:
            evidence.feed(line)
        ended = f"the script ended with exit code {code}"
        own = FailureCode.COMMAND_FAILED
        return verdict("the script", ended, code, evidence, own=own, source=SOURCE)


def kept_logs() -> Iterator[KeptLog]:
    """All of them, by name."""
    for path in sorted(LOGS.rglob("*.log")):
        header: list[tuple[str, str]] = []
        lines = path.read_text(encoding="utf-8").splitlines()
        while lines and (found := _HEADER.fullmatch(lines[0])):
            header.append((found[1], found[2]))
            lines.pop(0)
        name = str(path.relative_to(LOGS).with_suffix(""))
        yield KeptLog(name, tuple(header), tuple(lines))

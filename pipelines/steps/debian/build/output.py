"""The output of packaging while it runs: progress and failure of its own Maven, and of the rest.

That Maven is the one of the whole job (docs/maven.md), so its report is that of a `maven` step.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import Command, StepContext
from pipelines.failures.evidence import Evidence
from pipelines.failures.exit_code import killed
from pipelines.steps.debian.packaging.failure import packaging_failure
from pipelines.steps.maven.extension.listener import module_listener
from pipelines.steps.maven.host_files import user_settings
from pipelines.steps.maven.output.errors import MavenErrors
from pipelines.steps.maven.output.events import read_events
from pipelines.steps.maven.output.failure import maven_failure, while_running
from pipelines.steps.maven.output.log import MavenLog
from pipelines.steps.maven.output.surefire import SurefireResults, read_test_results
from pipelines.steps.maven.report import MavenReport, report_of

_MAVEN_FAILED = 1
_MAVEN = "maven"


class BuildOutput:
    """Feed it each line; `since` (seconds of the epoch) is the start of the build.

    `source` is its folder in the output, `reports` that of its test reports, which is the same on
    the host. `events` is the file to which the packaging's Maven writes its events, if it does.
    """

    def __init__(
        self,
        source: Path,
        progress: Callable[[str], None],
        since: float,
        *,
        reports: Path,
        events: Path,
    ) -> None:
        self._source = source
        self._reports = reports
        self._events = events
        self._progress = progress
        self._since = since
        self._evidence = Evidence()
        self._maven = MavenLog()
        self._maven_errors = MavenErrors()

    def add(self, line: str) -> None:
        """Take one line of output."""
        self._evidence.feed(line)
        self._maven_errors.feed(line)
        started = self._maven.feed(line)
        if started:
            self._progress(started)

    def failure(self, exit_code: int) -> StepFailed:
        """The failure of a build with this `exit_code`, not 0: Maven's own if Maven failed."""
        return self.modules().interrupted(self._failure(exit_code))

    def _failure(self, exit_code: int) -> StepFailed:
        if self._evidence.cause().tool != _MAVEN or killed("packaging", exit_code):
            return packaging_failure(self._evidence, exit_code, self._source)
        # make and dpkg-buildpackage replace Maven's exit code by their own.
        return maven_failure(
            self._maven_errors, _MAVEN_FAILED, source=self._source, tests=self.tests().failed
        )

    def interrupted(self, failure: StepFailed) -> StepFailed:
        """`failure`, which ended the build, with what was running then."""
        return self.modules().interrupted(while_running(failure, self._maven_errors))

    def tests(self) -> SurefireResults:
        """Results of the tests that ran in this build."""
        return read_test_results(self._reports, self._since)

    def modules(self) -> MavenReport:
        """The modules that were built."""
        lines = self._events.read_text(encoding="utf-8", errors="replace")
        return report_of(read_events(lines.splitlines(keepends=True)), 0, self._maven)


def build_packages(command: Command, context: StepContext) -> BuildOutput:
    """Run the command that builds packages, and observe its Maven. Raises StepFailed."""
    events = context.workspace.module_events(context.step)
    events.parent.mkdir(parents=True, exist_ok=True)
    events.write_bytes(b"")
    listener = module_listener(context, command.env)
    opts = f"{command.env.get('MAVEN_OPTS', '')} {listener.java_options(events)}".strip()
    command = replace(
        command,
        env={**command.env, "MAVEN_OPTS": opts},
        readable=(*user_settings(), *([listener.folder] if listener.folder else [])),
    )
    source = context.workspace.source
    output = BuildOutput(source, context.progress, time.time(), reports=source, events=events)
    try:
        code = context.commands.run(command, output.add)
    except StepFailed as error:
        raise output.interrupted(error) from error
    if code != 0:
        raise output.failure(code)
    return output

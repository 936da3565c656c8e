"""What a packaging writes while it runs: progress and failure of its own Maven, and of the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipelines.debian.failure import PackagingOutput
from pipelines.errors import StepFailed
from pipelines.steps.maven_errors import MavenErrors
from pipelines.steps.maven_failure import maven_failure
from pipelines.steps.maven_log import MavenLog
from pipelines.steps.surefire_reports import SurefireResults, read_test_results

_SIGNAL_BASE = 128
_MAVEN_FAILED = 1


class BuildOutput:
    """Feed it each line; `since` (seconds of the epoch) is when the build began."""

    def __init__(self, source: Path, progress: Callable[[str], None], since: float) -> None:
        self._source = source
        self._progress = progress
        self._since = since
        self._packaging = PackagingOutput()
        self._maven = MavenLog()
        self._maven_errors = MavenErrors()

    def add(self, line: str) -> None:
        """Take one line of output."""
        self._packaging.add(line)
        self._maven_errors.feed(line)
        started = self._maven.feed(line)
        if started:
            self._progress(started)

    def failure(self, exit_code: int) -> StepFailed:
        """Why the build ended with `exit_code`, not 0: Maven's failure when it was Maven's."""
        maven_is_cause = self._maven.reactors and self._maven.last.succeeded is not True
        if not (maven_is_cause and self._maven_errors.lines):
            return self._packaging.failure(exit_code)
        # make and dpkg-buildpackage have put exit codes of their own in the place of Maven's.
        code = exit_code if exit_code > _SIGNAL_BASE else _MAVEN_FAILED
        return maven_failure(
            self._maven_errors.lines, code, source=self._source, tests=self.tests().failed
        )

    def tests(self) -> SurefireResults:
        """Results of the tests that ran in this build."""
        return read_test_results(self._source, self._since)

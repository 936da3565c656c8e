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
from pipelines.steps.maven.incremental.store import ModuleStore
from pipelines.steps.maven.java.short_run import java_options, remember_times
from pipelines.steps.maven.java.versions import java_version, maven_version
from pipelines.steps.maven.output.errors import MavenErrors
from pipelines.steps.maven.output.events import BuildEvents, events_in
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
        """Results of the tests that ran in this build, and of those of modules that were kept."""
        folders = (f for f in self.events().kept_folders() if f.is_relative_to(self._source))
        kept = [self._reports / folder.relative_to(self._source) for folder in folders]
        return read_test_results(self._reports, self._since, kept)

    def events(self) -> BuildEvents:
        """What the packaging's Maven has written."""
        return events_in(self._events)

    def modules(self) -> MavenReport:
        """The modules that were built."""
        return report_of(self.events(), 0, self._maven)


def build_packages(
    command: Command, context: StepContext, store: ModuleStore | None
) -> BuildOutput:
    """Run the command that builds packages, and observe its Maven. Raises StepFailed.

    Its Maven uses and keeps modules of `store`; without one it builds all of them.
    """
    events = context.workspace.module_events(context.step)
    past = events_in(events)
    events.parent.mkdir(parents=True, exist_ok=True)
    events.write_bytes(b"")
    listener = module_listener(context, command.env)
    versions = {
        "maven": maven_version(command.env) or "unknown",
        "java": java_version(command.env) or "unknown",
    }
    java = java_options(context, command.env, versions, past)
    told = listener.java_options(events, store.settings if store else None)
    opts = " ".join((*java.options, command.env.get("MAVEN_OPTS", ""), told)).strip()
    shared = [store.shared] if store and store.shared else []
    command = replace(
        command,
        env={**command.env, "MAVEN_OPTS": opts},
        readable=(
            *user_settings(),
            *([listener.folder] if listener.folder else []),
            *java.readable,
            *shared,
        ),
    )
    source = context.workspace.source
    output = BuildOutput(source, context.progress, time.time(), reports=source, events=events)
    try:
        code = context.commands.run(command, output.add)
    except StepFailed as error:
        raise output.interrupted(error) from error
    finally:
        remember_times(context, output.events())
        if store:
            store.finish(context, output.events())
    if code != 0:
        raise output.failure(code)
    java.keep()
    return output

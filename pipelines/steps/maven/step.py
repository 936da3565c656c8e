"""`maven`: builds the source with Maven."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import Command, StepContext, StepResult
from pipelines.git.head_commit import read_head_commit
from pipelines.steps.maven.downloads import shared_downloads
from pipelines.steps.maven.extension.listener import Listener, module_listener
from pipelines.steps.maven.host_files import user_settings
from pipelines.steps.maven.incremental.from_scratch import remove_results
from pipelines.steps.maven.incremental.selection import Selection, selection_of, unresolved
from pipelines.steps.maven.incremental.store import ModuleStore, open_store
from pipelines.steps.maven.java.jdk import find_jdk
from pipelines.steps.maven.java.short_run import java_options, remember_times
from pipelines.steps.maven.java.versions import java_version, maven_version, wrapped_maven_version
from pipelines.steps.maven.options import (
    MavenCall,
    MavenOptions,
    maven_command,
    maven_environment,
    own_selection,
)
from pipelines.steps.maven.output.errors import MavenErrors
from pipelines.steps.maven.output.events import BuildEvents, events_in
from pipelines.steps.maven.output.failure import maven_failure, while_running
from pipelines.steps.maven.output.log import MavenLog
from pipelines.steps.maven.output.resolved import keep_dependencies
from pipelines.steps.maven.output.surefire import SurefireResults, read_test_results
from pipelines.steps.maven.report import MavenReport, report_of
from pipelines.workspace.host_lock import host_lock


class Maven:
    """Runs Maven over a local repository of the job; downloads are shared with other jobs."""

    name = "maven"
    summary = "build the source with Maven"
    options = MavenOptions
    values = ("java", "maven", "modules", "tests")

    def identity(self, options: MavenOptions, context: StepContext) -> Mapping[str, str]:
        """Versions of Maven and Java."""
        env = maven_environment(options, context.env, _java_home(options, context))
        return _versions(options, context, env)

    def run(self, options: MavenOptions, context: StepContext) -> StepResult:
        """Build. Raises StepFailed with a code of `maven_failure`, TIMEOUT or TOOL_MISSING."""
        java_home = _java_home(options, context)
        env = maven_environment(options, context.env, java_home)
        listener = module_listener(context, env)
        versions = _versions(options, context, env)
        began = time.time()
        with _local_repository(options, context) as repository:
            build = _Build(options, context, env, versions, listener, repository)
            report, selection = build.run()
        tests = SurefireResults()
        if not options.skip_tests:
            # files of other steps in the same tree are not this one's
            kept = build.events().kept_folders()
            tests = read_test_results(context.workspace.source, began, kept)
        did = "checked" if set(options.goals) == {"validate"} else "built"
        result = report.result(selection, tests, versions, listener.problem, did)
        told = keep_dependencies(build.events(), context.workspace.dependencies(context.step))
        return replace(result, outputs=(*result.outputs, *told))


MAVEN = Maven()


def _java_home(options: MavenOptions, context: StepContext) -> Path | None:
    return find_jdk(options.jdk, context.env) if options.jdk else None


def _versions(
    options: MavenOptions, context: StepContext, env: Mapping[str, str]
) -> dict[str, str]:
    wrapped = wrapped_maven_version(context.workspace.source) if options.wrapper else None
    maven = wrapped or maven_version(env) or "unknown"
    return {"maven": maven, "java": java_version(env) or "unknown"}


def _program(options: MavenOptions, source: Path) -> tuple[str, ...]:
    wrapper = source / "mvnw"
    if not (options.wrapper and wrapper.is_file()):
        return ("mvn",)
    return (str(wrapper),) if os.access(wrapper, os.X_OK) else ("sh", str(wrapper))


@dataclass(frozen=True, slots=True)
class _Build:
    """Builds with Maven only what no earlier build has made, or everything if that fails."""

    options: MavenOptions
    context: StepContext
    env: Mapping[str, str]
    versions: Mapping[str, str]
    listener: Listener
    repository: Path

    def run(self) -> tuple[MavenReport, Selection]:
        """Build; returns what was built, and why. Raises like `Maven.run`."""
        context, options = self.context, self.options
        past = self.events()
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_bytes(b"")
        why_all = self._why_all()
        commit = read_head_commit(context.workspace.source, context.env)
        store = open_store(
            context,
            "off" if why_all else options.incremental,
            commit=commit.sha,
            pure_plugins=options.pure_plugins,
            module_inputs=options.module_inputs,
        )
        try:
            report = self._maven(past, store)
            problem = self.events().stale
        except StepFailed as error:
            problem = unresolved(self.events(), error) if store else ""
            if not problem:
                raise
        finally:
            remember_times(context, self.events())
            if store:
                store.finish(context, self.events())
        if not problem:
            return report, self._selection(0, why_all, options.incremental == "modules")
        context.progress(f"building everything: {problem}")
        remove_results(self.events(), context)
        runs = self.events().runs
        return self._maven(past, None), self._selection(runs, problem, is_surprise=True)

    def events(self) -> BuildEvents:
        """What Maven has written so far."""
        return events_in(self._file)

    @property
    def _file(self) -> Path:
        return self.context.workspace.module_events(self.context.step)

    def _selection(self, runs: int, why_all: str, is_surprise: bool) -> Selection:
        job = self.context.workspace.job_id
        return selection_of(self.events(), runs, job, why_all, is_surprise=is_surprise)

    def _why_all(self) -> str:
        config = self.context.workspace.source / ".mvn" / "maven.config"
        text = config.read_text(encoding="utf-8", errors="replace") if config.is_file() else ""
        own = own_selection(text.split())
        why = self.options.why_not_incremental or self.listener.problem
        return why or (f"maven.config has {own}" if own else "")

    def _maven(self, past: BuildEvents, store: ModuleStore | None) -> MavenReport:
        java = java_options(self.context, self.env, self.versions, past)
        shared = (store.shared,) if store and store.shared else ()
        listener = (self.listener.folder,) if self.listener.folder else ()
        call = MavenCall(
            repository=self.repository,
            program=_program(self.options, self.context.workspace.source),
            java_home=_java_home(self.options, self.context),
            listener=self.listener.arguments(self._file, store.settings if store else None),
            java_options=java.options,
            readable=(*user_settings(), *listener, *java.readable, *shared),
            writable=() if self.options.local_repository == "job" else (self.repository,),
        )
        command = maven_command(self.options, self.context, call)
        with_tests = not self.options.skip_tests
        report = _run(command, self.context, self._file, with_tests=with_tests)
        java.keep()
        return report


def _run(command: Command, context: StepContext, file: Path, *, with_tests: bool) -> MavenReport:
    log, errors, start = MavenLog(), MavenErrors(), time.time()
    runs = events_in(file).runs
    try:
        code = context.commands.run(command, _reader(log, errors, context.progress))
    except StepFailed as error:
        told = while_running(error, errors)
        raise report_of(events_in(file), runs, log).interrupted(told) from error
    report = report_of(events_in(file), runs, log)
    if code:
        source = context.workspace.source
        tests = read_test_results(source, start) if with_tests else SurefireResults()
        failure = maven_failure(errors, code, source=source, tests=tests.failed)
        raise report.interrupted(failure)
    return report


def _reader(
    log: MavenLog, errors: MavenErrors, progress: Callable[[str], None]
) -> Callable[[str], None]:
    def on_line(line: str) -> None:
        errors.feed(line)
        position = log.feed(line)
        if position:
            progress(position)

    return on_line


@contextmanager
def _local_repository(options: MavenOptions, context: StepContext) -> Iterator[Path]:
    """The local repository for one build; after a success others get its downloads."""
    workspace = context.workspace
    if options.local_repository == "shared" and context.is_trusted():
        shared = workspace.maven_shared_repository
        with host_lock(shared.with_suffix(".lock"), context.commands.check_cancelled):
            yield shared
        return
    with shared_downloads(context):
        yield workspace.maven_repository

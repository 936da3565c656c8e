"""`maven`: builds the source with Maven."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.atomic_files import replace_file
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Command, StepContext, StepResult
from pipelines.execution.success_records import SuccessRecords
from pipelines.git.head_commit import read_head_commit
from pipelines.steps.maven.downloads import shared_downloads
from pipelines.steps.maven.extension.listener import Listener, module_listener
from pipelines.steps.maven.host_files import user_settings
from pipelines.steps.maven.incremental.candidates import Candidates
from pipelines.steps.maven.incremental.earlier_build import (
    EarlierBuild,
    read_earlier_build,
    remember,
)
from pipelines.steps.maven.incremental.record import ModuleRecord, build_key, open_record
from pipelines.steps.maven.incremental.selection import (
    Selection,
    selection_of,
    written_into_left_out,
)
from pipelines.steps.maven.incremental.torn_outputs import remove_all, remove_torn
from pipelines.steps.maven.java.class_archive import ClassArchive, class_archive
from pipelines.steps.maven.java.jdk import find_jdk
from pipelines.steps.maven.java.short_run import OPTION_VARIABLES, is_short_run, short_run_options
from pipelines.steps.maven.java.versions import java_version, maven_version, wrapped_maven_version
from pipelines.steps.maven.options import (
    MavenCall,
    MavenOptions,
    maven_command,
    maven_environment,
    own_selection,
)
from pipelines.steps.maven.output.errors import MavenErrors
from pipelines.steps.maven.output.failure import maven_failure, while_running
from pipelines.steps.maven.output.log import MavenLog
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

    def kept_folders(
        self,
        options: MavenOptions,  # noqa: ARG002 - a kind's signature
        context: StepContext,
    ) -> Collection[Path]:
        """Build folders of modules: `run` removes those that may be torn or are from elsewhere."""
        record = context.workspace.module_events(context.step)
        if not record.is_file():
            return ()
        modules = ModuleRecord(record, 0).events().modules.values()
        return [module.folder or module.pom.parent / "target" for module in modules]

    def run(self, options: MavenOptions, context: StepContext) -> StepResult:
        """Build. Raises StepFailed with a code of `maven_failure`, TIMEOUT or TOOL_MISSING."""
        java_home = _java_home(options, context)
        env = maven_environment(options, context.env, java_home)
        listener = module_listener(context, env)
        versions = _versions(options, context, env)
        commit = read_head_commit(context.workspace.source, context.env)
        facts = {
            "source": context.source.repository,
            "options": options.model_dump(mode="json"),
            "versions": versions,
        }
        key = build_key(env, facts | {"tree": commit.tree} | _of_this_job(context))
        record = open_record(
            context.workspace.module_events(context.step),
            key,
            before_new=lambda old: remove_all(old, context),
        )
        began = time.time()
        others = context.workspace.maven_tools / "builds" / f"{build_key(env, facts)}.json"
        with _local_repository(options, context) as repository:
            build = _Build(options, context, env, versions, listener, record, others, repository)
            report, selection = build.run()
        if options.incremental == "modules" and context.is_trusted():
            remember(others, _as_earlier_build(context, commit.sha, record))
        tests = SurefireResults()
        if not options.skip_tests:
            # files of other steps in the same tree are not this one's
            since = record.began if selection.left_out else began
            tests = read_test_results(context.workspace.source, since)
        did = "checked" if set(options.goals) == {"validate"} else "built"
        return report.result(selection, tests, versions, listener.problem, did)


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


def _of_this_job(context: StepContext) -> dict[str, object]:
    """What else a job's modules are built from: the files of earlier steps in the tree.

    A requested new run builds all modules.
    """
    successes = SuccessRecords(context.workspace.successes)
    run = successes.last_run(context.step)
    return {
        "after": dict(run.after) if run else {},
        "asked_for": successes.forgotten_at(context.step),
    }


@dataclass(frozen=True, slots=True)
class _Build:
    """Builds with Maven only what no earlier build has made, or everything if that fails."""

    options: MavenOptions
    context: StepContext
    env: Mapping[str, str]
    versions: Mapping[str, str]
    listener: Listener
    record: ModuleRecord
    others: Path
    """The file that names the newest build with the same options."""
    repository: Path

    def run(self) -> tuple[MavenReport, Selection]:
        """Build; returns what was built, and why. Raises like `Maven.run`."""
        asked = self.options.incremental == "modules"
        why_all = self._why_all()
        if why_all:
            return self._maven(), self._selection(why_all, is_surprise=asked)
        candidates = Candidates(self.options, self.context)
        events = self.record.events()
        remove_torn(events, candidates.add_own(events), self.context)
        if self.options.incremental == "modules":
            why_all = self._add_of_another_commit(candidates)
        try:
            report = self._maven(candidates, planned=len(events.modules))
        except StepFailed as error:
            problem = self._unresolved(error)
            if not problem:
                raise
        else:
            problem = written_into_left_out(self.record.events())
            if not problem:
                if candidates.count:
                    why_all = "every module reads something that has changed"
                return report, self._selection(why_all, is_surprise=asked)
        self.context.progress(f"building everything: {problem}")
        remove_all(self.record.events(), self.context)
        report = self._maven(Candidates(self.options, self.context))
        return report, self._selection(problem, is_surprise=True)

    def _selection(self, why_all: str, *, is_surprise: bool) -> Selection:
        return selection_of(self.record.events(), why_all, is_surprise=is_surprise)

    def _why_all(self) -> str:
        own = own_selection(
            _maven_folder_file(self.context.workspace.source, "maven.config").split()
        )
        why = self.options.why_not_incremental or self.listener.problem
        return why or (f"maven.config has {own}" if own else "")

    def _add_of_another_commit(self, candidates: Candidates) -> str:
        """Returns why nothing can be reused from one, otherwise ""."""
        if self.options.modules and not self.options.also_make:
            return "the options name modules without also_make"
        found = read_earlier_build(self.others)
        if found is None:
            return "no build of another commit on this builder"
        candidates.add_of(*found)
        return ""

    def _unresolved(self, error: StepFailed) -> str:
        """The module of the source that a run with skips could not resolve, "" if none."""
        events = self.record.events()
        left = [m for m in events.modules.values() if m.left_out == events.runs]
        if error.code not in {FailureCode.MAVEN_DEPENDENCY, FailureCode.MAVEN_POM} or not left:
            return ""
        said = f"{error.message}\n{error.excerpt}"
        found = next((key for key in events.modules if f"{key}:" in said), "")
        return found and f"cannot resolve {found}, which was skipped"

    def _maven(self, candidates: Candidates | None = None, *, planned: int = 0) -> MavenReport:
        listed = None
        if candidates:
            listed = self.context.workspace.scratch(self.context.step) / "candidates"
            replace_file(listed, candidates.text().encode(errors="surrogateescape"))
        java_options, archive = self._java_options(planned, candidates.count if candidates else 0)
        call = MavenCall(
            repository=self.repository,
            program=_program(self.options, self.context.workspace.source),
            java_home=_java_home(self.options, self.context),
            listener=self.listener.arguments(self.record.path, listed),
            java_options=java_options,
            readable=self._readable(archive, candidates),
            writable=() if self.options.local_repository == "job" else (self.repository,),
        )
        command = maven_command(self.options, self.context, call)
        with_tests = not self.options.skip_tests
        report = _build(command, self.context, self.record, with_tests=with_tests)
        if archive:
            archive.keep()
        return report

    def _readable(
        self, archive: ClassArchive | None, candidates: Candidates | None
    ) -> tuple[Path, ...]:
        listener = (self.listener.folder,) if self.listener.folder else ()
        classes = (archive.file,) if archive else ()
        of_others = candidates.read_places if candidates else ()
        return (*user_settings(), *listener, *classes, *of_others)

    def _java_options(
        self, planned: int, known: int
    ) -> tuple[tuple[str, ...], ClassArchive | None]:
        """Java options for a build of few modules, and the archive that it may write."""
        if not is_short_run(planned, known):
            return (), None
        given = _given_to_java(self.env, self.context.workspace.source)
        workspace = self.context.workspace
        archive = class_archive(workspace, self.versions, given, self.env)
        return (*short_run_options(given), *(archive.options() if archive else ())), archive


def _given_to_java(env: Mapping[str, str], source: Path) -> str:
    """Options for Maven's Java from elsewhere (maven.apache.org/configure.html)."""
    said = (env.get(name, "") for name in OPTION_VARIABLES)
    return " ".join((*said, _maven_folder_file(source, "jvm.config")))


def _maven_folder_file(source: Path, name: str) -> str:
    path = source / ".mvn" / name
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _as_earlier_build(context: StepContext, commit: str, record: ModuleRecord) -> EarlierBuild:
    workspace = context.workspace
    return EarlierBuild(
        job=context.request.job_id,
        commit=commit,
        source=str(workspace.source),
        repository=str(workspace.maven_repository),
        events=str(record.path),
    )


def _build(
    command: Command, context: StepContext, record: ModuleRecord, *, with_tests: bool
) -> MavenReport:
    log, errors, start = MavenLog(), MavenErrors(), time.time()
    runs = record.events().runs
    try:
        code = context.commands.run(command, _reader(log, errors, context.progress))
    except StepFailed as error:
        told = while_running(error, errors)
        raise report_of(record.events(), runs, log).interrupted(told) from error
    report = report_of(record.events(), runs, log)
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

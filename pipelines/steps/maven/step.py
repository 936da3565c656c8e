"""`maven`: builds the source with Maven."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from common.atomic_files import replace_file
from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import Command, StepContext, StepResult
from pipelines.execution.success_records import Stamps
from pipelines.git.head_commit import read_head_commit
from pipelines.steps.maven.downloads import shared_downloads
from pipelines.steps.maven.incremental.built_modules import built_modules
from pipelines.steps.maven.incremental.record import (
    ModuleRecord,
    build_key,
    newest_files,
    open_record,
    size_and_time,
)
from pipelines.steps.maven.incremental.reuse import Donor, remember, take_over
from pipelines.steps.maven.incremental.selection import Selection, everything, not_yet_built
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
from pipelines.steps.maven.output.events import BuildEvents
from pipelines.steps.maven.output.failure import maven_failure, while_running
from pipelines.steps.maven.output.listener import Listener, module_listener
from pipelines.steps.maven.output.log import MavenLog
from pipelines.steps.maven.output.surefire import SurefireResults, read_test_results
from pipelines.steps.maven.report import MavenReport, installed_files, report_of
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
        """Build folders of modules: `run` removes those that may be torn or belong elsewhere."""
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
            selection = _select(options, listener, record, others, context)
            events = record.events()
            remove_torn(events, context)
            java_options, archive = _for_a_short_run(selection, env, versions, context)
            call = MavenCall(
                repository=repository,
                program=_program(options, context.workspace.source),
                java_home=java_home,
                only=selection.only,
                listener=listener.arguments(
                    record.path, _list_of_built(events, selection, repository, context)
                ),
                java_options=java_options,
            )
            report = MavenReport(files=installed_files(events))
            if not selection.nothing:
                command = maven_command(options, context, call)
                report = _build(command, context, record, with_tests=not options.skip_tests)
                if archive:
                    archive.keep()
        if options.incremental == "modules":
            remember(others, _as_donor(context, commit.sha, record))
        tests = SurefireResults()
        if not options.skip_tests:
            # what other steps left in the same tree is not this one's
            since = record.began if selection.only or selection.nothing else began
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
    """What else a job's modules are built from: what the steps before this one left in the tree.

    A new run that somebody asked for is one of all modules.
    """
    stamps = Stamps(context.workspace.stamps)
    run = stamps.last_run(context.step)
    return {
        "after": dict(run.after) if run else {},
        "asked_for": stamps.forgotten_at(context.step),
    }


def _list_of_built(
    events: BuildEvents, selection: Selection, repository: Path, context: StepContext
) -> Path | None:
    """A file with what the modules that are left out have made; None when nothing is left out."""
    found = built_modules(events, selection.only, repository)
    if not found:
        return None
    path = context.workspace.scratch(context.step) / "built-modules"
    replace_file(path, found.encode())
    return path


def _for_a_short_run(
    selection: Selection, env: Mapping[str, str], versions: Mapping[str, str], context: StepContext
) -> tuple[tuple[str, ...], ClassArchive | None]:
    """What Java is told when few modules are built, and the archive that it may write then."""
    if not is_short_run(selection.only):
        return (), None
    given = _given_to_java(env, context.workspace.source)
    archive = class_archive(context.workspace, context.step, versions, given)
    return (*short_run_options(given), *(archive.options() if archive else ())), archive


def _given_to_java(env: Mapping[str, str], source: Path) -> str:
    """Options for Maven's Java that others than we give (maven.apache.org/configure.html)."""
    said = (env.get(name, "") for name in OPTION_VARIABLES)
    return " ".join((*said, _maven_folder_file(source, "jvm.config")))


def _maven_folder_file(source: Path, name: str) -> str:
    path = source / ".mvn" / name
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _select(
    options: MavenOptions,
    listener: Listener,
    record: ModuleRecord,
    others: Path,
    context: StepContext,
) -> Selection:
    own = own_selection(_maven_folder_file(context.workspace.source, "maven.config").split())
    why = options.why_not_incremental or listener.problem or (own and f"maven.config has {own}")
    if why:
        return everything(why, is_surprise=options.incremental == "modules")
    if options.incremental == "modules" and not record.events().modules:
        why = take_over(others, record, context, selected=bool(options.modules))
        if why:
            return everything(why, is_surprise=True)
    events = record.events()
    folders = {key: module.pom.parent for key, module in events.modules.items()}
    return not_yet_built(events, size_and_time, newest_files(folders))


def _as_donor(context: StepContext, commit: str, record: ModuleRecord) -> Donor:
    workspace = context.workspace
    return Donor(
        job=context.request.job_id,
        commit=commit,
        source=str(workspace.source),
        repository=str(workspace.maven_repository),
        events=str(record.path),
        began=record.began,
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
    """The local repository for one build; when the build went well others get its downloads."""
    workspace = context.workspace
    if options.local_repository == "shared":
        shared = workspace.maven_shared_repository
        with host_lock(shared.with_suffix(".lock"), context.commands.check_cancelled):
            yield shared
        return
    with shared_downloads(context):
        yield workspace.maven_repository

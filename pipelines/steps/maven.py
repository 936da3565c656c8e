"""`maven`: builds the source with Maven."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from pipelines.host_lock import host_lock
from pipelines.model import Command, Options, StepContext, StepResult
from pipelines.steps.jdk import find_jdk
from pipelines.steps.maven_errors import MavenErrors
from pipelines.steps.maven_failure import maven_failure
from pipelines.steps.maven_log import MavenLog, Reactor
from pipelines.steps.maven_repository import fill, harvest, reactor_folders
from pipelines.steps.surefire_reports import SurefireResults, read_test_results
from pipelines.tool_versions import java_version, maven_version
from typed_yaml import Several, Text

_FLAGS = ("-B", "-ntp", "-Dstyle.color=never")
_EXIT_ON_OUT_OF_MEMORY = "-XX:+ExitOnOutOfMemoryError"
_THREADS = r"^\d+(\.\d+)?C?$"


def _no_option(text: str) -> str:
    if not re.fullmatch(r"[^\s,-][^\s,]*", text):
        raise ValueError(f"'{text}' is no single name: no blanks or commas, no - in front")
    return text


Name = Annotated[Text, AfterValidator(_no_option)]


class MavenOptions(Options):
    """How to call Maven."""

    goals: Several[Name] = Field(default=("install",), min_length=1)
    """Phases and goals."""
    profiles: Several[Name] = ()
    """Profiles to activate (`-P`)."""
    properties: dict[Name, Text] = Field(default_factory=dict)
    """System properties (`-D`)."""
    modules: Several[Name] = ()
    """Build only these modules (`-pl`): `:artifact` or the folder; all when empty."""
    also_make: bool = False
    """With `modules`: build what they depend on too (`-am`)."""
    threads: Annotated[Text, Field(pattern=_THREADS)] | None = None
    """Modules that are built at once (`-T`): a number, or `1C` for one a core."""
    skip_tests: bool = False
    """Compile tests but don't run them: other modules may need a test jar."""
    maven_opts: Text | None = None
    """Options of Maven's own Java; the builder's MAVEN_OPTS when not given."""
    jdk: Text | None = None
    """Version (`17`) of a JDK below /usr/lib/jvm, or its directory; else the builder's."""
    settings: Text | None = None
    """Settings file; relative to the source tree."""
    offline: bool = False
    """Use only what was downloaded before."""
    extra_args: Several[Text] = ()
    """More arguments, as they are."""


def maven_command(
    options: MavenOptions, context: StepContext, java_home: Path | None = None
) -> Command:
    """The call of Maven. Pure."""
    workspace = context.workspace
    argv = ["mvn", *_FLAGS, f"-Dmaven.repo.local={workspace.maven_repository}"]
    argv += ["-o"] if options.offline else []
    argv += ["-s", str(workspace.source / options.settings)] if options.settings else []
    argv += ["-T", options.threads] if options.threads else []
    argv += ["-P", ",".join(options.profiles)] if options.profiles else []
    argv += ["-pl", ",".join(options.modules)] if options.modules else []
    argv += ["-am"] if options.also_make else []
    argv += ["-DskipTests"] if options.skip_tests else []
    argv += [f"-D{name}={value}" for name, value in options.properties.items()]
    argv += [*options.extra_args, *options.goals]
    env = _environment(options, context.env, java_home)
    return Command(argv=tuple(argv), cwd=workspace.source, env=env)


class Maven:
    """Runs Maven over a local repository of the job; downloads are shared with other jobs."""

    name = "maven"
    summary = "build the source with Maven"
    options = MavenOptions

    def identity(self, options: MavenOptions, context: StepContext) -> Mapping[str, str]:
        """Versions of Maven and Java."""
        return _versions(_environment(options, context.env, _java_home(options, context)))

    def run(self, options: MavenOptions, context: StepContext) -> StepResult:
        """Build. Raises StepFailed with a code of `maven_failure` or TOOL_MISSING."""
        command = maven_command(options, context, _java_home(options, context))
        own = reactor_folders(context.workspace.source)
        _share(
            fill, context.workspace.maven_cache, context.workspace.maven_repository, own, context
        )
        start = time.time()
        log, errors = MavenLog(), MavenErrors()
        code = context.commands.run(command, _reader(log, errors, context.progress))
        tests = SurefireResults()
        if not options.skip_tests:
            tests = read_test_results(context.workspace.source, start)
        if code:
            source = context.workspace.source
            raise maven_failure(errors.lines, code, source=source, tests=tests.failed)
        _share(
            harvest, context.workspace.maven_repository, context.workspace.maven_cache, own, context
        )
        return _result(log.last, tests, _versions(command.env))


MAVEN = Maven()


def _java_home(options: MavenOptions, context: StepContext) -> Path | None:
    return find_jdk(options.jdk, context.env) if options.jdk else None


def _environment(
    options: MavenOptions, env: Mapping[str, str], java_home: Path | None
) -> dict[str, str]:
    opts = options.maven_opts if options.maven_opts is not None else env.get("MAVEN_OPTS", "")
    if _EXIT_ON_OUT_OF_MEMORY not in opts:
        # Without it Maven goes on after running out of memory, in ways nobody can foresee.
        opts = f"{opts} {_EXIT_ON_OUT_OF_MEMORY}".strip()
    result = {**env, "MAVEN_OPTS": opts}
    if java_home:
        path = env.get("PATH", os.defpath)
        result |= {"JAVA_HOME": str(java_home), "PATH": f"{java_home / 'bin'}:{path}"}
    return result


def _versions(env: Mapping[str, str]) -> dict[str, str]:
    return {"maven": maven_version(env) or "unknown", "java": java_version(env) or "unknown"}


def _share(
    move: Callable[[Path, Path, Collection[str], Callable[[], None]], int],
    source: Path,
    target: Path,
    own: Collection[str],
    context: StepContext,
) -> None:
    """Move downloads between the cache, which other jobs use too, and the job's repository."""
    cancelled = context.commands.check_cancelled
    with host_lock(context.workspace.maven_cache.with_suffix(".lock"), cancelled):
        move(source, target, own, cancelled)


def _reader(
    log: MavenLog, errors: MavenErrors, progress: Callable[[str], None]
) -> Callable[[str], None]:
    def on_line(line: str) -> None:
        errors.feed(line)
        position = log.feed(line)
        if position:
            progress(position)

    return on_line


def _result(reactor: Reactor, tests: SurefireResults, versions: Mapping[str, str]) -> StepResult:
    modules = [
        {"name": module.name, "result": module.result.value, "seconds": module.seconds}
        for module in reactor.modules
    ]
    counts = {"run": tests.run, "skipped": tests.skipped, "flaky": tests.flaky}
    return StepResult(
        reason=_reason(reactor, tests),
        outputs=tuple(path for file in reactor.installed if (path := Path(file)).is_file()),
        values={**versions, "modules": modules, "tests": counts},
    )


def _reason(reactor: Reactor, tests: SurefireResults) -> str:
    count = len(reactor.started)
    built = "built 1 module" if count == 1 else f"built {count} modules"
    return f"{built}, {tests.run} tests passed" if tests.run else built

"""The options of a `maven` step and the Maven command that they make. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from common.yaml.validate import Several, Text
from pipelines.domain.pipeline import Command, Options, StepContext

_FLAGS = ("-B", "-ntp", "-Dstyle.color=never")
_EXIT_ON_OUT_OF_MEMORY = "-XX:+ExitOnOutOfMemoryError"
_THREADS = r"^\d+(\.\d+)?C?$"
_INSTALLING_PHASES = frozenset(
    {"clean", "validate", "compile", "test", "package", "verify", "install"}
)
_OWN_SELECTION = re.compile(
    r"-(pl|am|amd|rf|N|f)\b|--(projects|also-make|resume-from|non-recursive|file)\b"
)


def _no_option(text: str) -> str:
    if not re.fullmatch(r"[^\s,-][^\s,]*", text):
        rule = "no spaces or commas, and it must not start with '-'"
        raise ValueError(f"invalid name '{text}': {rule}")
    return text


Name = Annotated[Text, AfterValidator(_no_option)]


def _inside(text: str) -> str:
    if text.startswith("/") or ".." in text.split("/") or any(c in text for c in "\t\n"):
        raise ValueError(f"expected a path inside the source tree, found '{text}'")
    return text


SourcePath = Annotated[Text, AfterValidator(_inside)]


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
    """With `modules`: also build what they depend on (`-am`)."""
    threads: Annotated[Text, Field(pattern=_THREADS)] | None = None
    """Modules that are built in parallel (`-T`): a number, or `1C` for one per core."""
    skip_tests: bool = False
    """Compile tests but do not run them: other modules may need a test jar."""
    maven_opts: Text | None = None
    """Options of Maven's own Java; defaults to the builder's MAVEN_OPTS."""
    jdk: Text | None = None
    """Version (`17`) of a JDK below /usr/lib/jvm, or its directory; defaults to the builder's."""
    settings: Text | None = None
    """Settings file; relative to the source tree."""
    local_repository: Literal["job", "shared"] = "job"
    """`job`: one for each job, filled with copies of the builder's downloads; `shared`: one
    for all jobs of the builder, one Maven at a time, and a rerun builds every module again."""
    offline: bool = False
    """Use only earlier downloads."""
    wrapper: bool = True
    """Run the source's own `mvnw` if it has one, otherwise the builder's `mvn`."""
    incremental: Literal["off", "rerun", "modules"] = "rerun"
    """What to build again. `off`: everything; `rerun`: another try of the job builds only the
    modules that have not succeeded; `modules`: another commit, too, builds only the modules that
    read something that it changes."""
    pure_plugins: Several[Name] = ()
    """Plugins (`artifactId` or `groupId:artifactId`) that read only the module's folder, the files
    in their configuration and the class path, besides the known ones."""
    module_inputs: dict[Name, Several[SourcePath]] = Field(default_factory=dict)
    """Everything that a module (`:artifact` or the folder) reads outside its folder: files and
    folders, relative to the source tree."""
    extra_args: Several[Text] = ()
    """More arguments, passed unchanged."""

    @property
    def why_not_incremental(self) -> str | None:
        """Why every run must build every module; None when modules can be skipped safely."""
        if self.incremental == "off":
            return "incremental is off"
        if self.local_repository == "shared":
            return "the local repository is shared with other jobs"
        if "install" not in self.goals or not _INSTALLING_PHASES.issuperset(self.goals):
            return f"{' '.join(self.goals)} does more than install"
        own = own_selection(self.extra_args)
        return f"extra_args have {own}" if own else None


def own_selection(arguments: Iterable[str]) -> str | None:
    """The first of Maven's arguments that itself selects modules, if there is one."""
    return next((argument for argument in arguments if _OWN_SELECTION.match(argument)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MavenCall:
    """Values of machine and job for the call, besides the options."""

    repository: Path
    """Local repository."""
    program: tuple[str, ...] = ("mvn",)
    java_home: Path | None = None
    """None: from JAVA_HOME or PATH."""
    listener: tuple[str, ...] = ()
    """Arguments that make Maven write its events."""
    java_options: tuple[str, ...] = ()
    """Options of Maven's Java, before those of the step or the builder, which win."""
    readable: tuple[Path, ...] = ()
    """What it reads outside the job."""
    writable: tuple[Path, ...] = ()
    """What it writes there."""


def maven_command(options: MavenOptions, context: StepContext, call: MavenCall) -> Command:
    """The call of Maven. Pure."""
    source = context.workspace.source
    argv = [*call.program, *_FLAGS, f"-Dmaven.repo.local={call.repository}", *call.listener]
    argv += ["-o"] if options.offline else []
    argv += ["-s", str(source / options.settings)] if options.settings else []
    argv += ["-T", options.threads] if options.threads else []
    argv += ["-P", ",".join(options.profiles)] if options.profiles else []
    argv += ["-pl", ",".join(options.modules)] if options.modules else []
    argv += ["-am"] if options.also_make else []
    argv += ["-DskipTests"] if options.skip_tests else []
    argv += [f"-D{name}={value}" for name, value in options.properties.items()]
    argv += [*options.extra_args, *options.goals]
    env = maven_environment(options, context.env, call.java_home)
    return Command(
        argv=tuple(argv),
        cwd=source,
        env={
            **env,
            "MAVEN_OPTS": " ".join((*call.java_options, env["MAVEN_OPTS"])),
            # What the wrapper of a commit installs is for its job alone.
            "MAVEN_USER_HOME": str(context.workspace.home / ".m2"),
            # Otherwise a wrapper does not report why it cannot fetch its Maven.
            "MVNW_VERBOSE": "true",
        },
        readable=call.readable,
        writable=call.writable,
    )


def maven_environment(
    options: MavenOptions, env: Mapping[str, str], java_home: Path | None
) -> dict[str, str]:
    """Environment of Maven with the step's JDK and options of Java. Pure."""
    opts = options.maven_opts if options.maven_opts is not None else env.get("MAVEN_OPTS", "")
    if _EXIT_ON_OUT_OF_MEMORY not in opts:
        # Without it Maven continues unpredictably after running out of memory.
        opts = f"{opts} {_EXIT_ON_OUT_OF_MEMORY}".strip()
    result = {**env, "MAVEN_OPTS": opts}
    if java_home:
        path = env.get("PATH", os.defpath)
        result |= {"JAVA_HOME": str(java_home), "PATH": f"{java_home / 'bin'}:{path}"}
    return result

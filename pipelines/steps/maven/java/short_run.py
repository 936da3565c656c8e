"""Options of Maven's own Java for a run of modules that are built quickly."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from common.atomic_files import replace_file
from pipelines.domain.pipeline import StepContext
from pipelines.git.remote import public_url
from pipelines.steps.maven.java.class_archive import ClassArchive, class_archive
from pipelines.steps.maven.output.events import BuildEvents
from pipelines.steps.maven.output.log import ModuleResult
from pipelines.workspace.layout import folder_name

_LONG = 15.0
"""Seconds; Java's defaults are as fast for a module that takes so long (docs/maven.md)."""
_FAST_COMPILER_ONLY = "-XX:TieredStopAtLevel=1"
_SMALL_COLLECTOR = "-XX:+UseSerialGC"
_COMPILERS = re.compile(r"-XX:[+-]?Tiered|-XX:CompilationMode|-Xint\b|-Xcomp\b")
_COLLECTOR = re.compile(r"-XX:\+Use\w+GC\b")
_VARIABLES = ("MAVEN_OPTS", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS")
"""Variables in which a user can give Java options, besides the source's .mvn/jvm.config."""


@dataclass(frozen=True, slots=True)
class JavaOptions:
    """For one run of Maven."""

    options: tuple[str, ...] = ()
    archive: ClassArchive | None = None
    """The archive of classes that the run reads, if there is one."""

    @property
    def readable(self) -> tuple[Path, ...]:
        """Files outside the job that the run reads."""
        return (self.archive.file,) if self.archive else ()

    def keep(self) -> None:
        """After a successful run: make the archive, unless there is one."""
        if self.archive:
            self.archive.keep()


def java_options(
    context: StepContext, env: Mapping[str, str], versions: Mapping[str, str], past: BuildEvents
) -> JavaOptions:
    """Options for a quick start if no module takes long; `past` is the previous try of the job.

    `versions` are those of `java` and `maven`; options of the user are kept.
    """
    quick = quick_options(context, env, past)
    if quick is None:
        return JavaOptions()
    given = given_to_java(env, context.workspace.source)
    archive = class_archive(context.workspace, versions, given, env)
    return JavaOptions((*quick, *(archive.options() if archive else ())), archive)


def quick_options(
    context: StepContext, env: Mapping[str, str], past: BuildEvents
) -> tuple[str, ...] | None:
    """The same without an archive of classes; None if a module takes long."""
    if not is_short_run(_read_times(context), past):
        return None
    return short_run_options(given_to_java(env, context.workspace.source))


def is_short_run(times: Mapping[str, float], past: BuildEvents) -> bool:
    """Whether none of the modules that remain to be built took long earlier. Pure."""
    rest = {
        key for key, module in past.modules.items() if module.result is not ModuleResult.SUCCESS
    }
    known = [times[key] for key in rest & times.keys()] or list(times.values())
    return bool(known) and max(known) <= _LONG


def remember_times(context: StepContext, events: BuildEvents) -> None:
    """Note how long modules took, for later runs of all jobs."""
    newest = {
        key: seconds
        for key, module in events.modules.items()
        for seconds in list(module.times.values())[-1:]
    }
    if newest and context.is_trusted():
        file = _times_file(context)
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, json.dumps({**_read_times(context), **newest}).encode())


def short_run_options(given: str) -> tuple[str, ...]:
    """Options that make Java start faster. Pure.

    `given` are all Java options of the user, which are kept: Java rejects two collectors, and
    otherwise uses the last option.
    """
    chosen = ((_COMPILERS, _FAST_COMPILER_ONLY), (_COLLECTOR, _SMALL_COLLECTOR))
    return tuple(option for said, option in chosen if not said.search(given))


def given_to_java(env: Mapping[str, str], source: Path) -> str:
    """Options for Maven's Java from elsewhere (maven.apache.org/configure.html)."""
    path = source / ".mvn" / "jvm.config"
    config = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return " ".join((*(env.get(name, "") for name in _VARIABLES), config))


def _times_file(context: StepContext) -> Path:
    name = folder_name(public_url(context.source.repository))
    return context.workspace.maven_tools / "module-times" / f"{name}.json"


def _read_times(context: StepContext) -> dict[str, float]:
    try:
        found = json.loads(_times_file(context).read_text())
        return {str(key): float(seconds) for key, seconds in found.items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        return {}  # they only make Java faster

"""The source to package and its version, the same on the host and in a clean root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Command, StepContext
from pipelines.failures.excerpt import excerpt
from pipelines.git.head_commit import HeadCommit
from pipelines.processes.capture import capture
from pipelines.steps.debian.build.output import BuildOutput
from pipelines.steps.debian.dependencies.control import SourceControl
from pipelines.steps.debian.dependencies.decisions import Decision
from pipelines.steps.debian.dependencies.host import Host
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.steps.debian.packaging.changelog import (
    ChangelogEntry,
    build_version,
    entry_of,
    first_complaint,
    suffix,
    with_entry,
)
from pipelines.steps.debian.packaging.command import (
    BuildFacts,
    build_deb_command,
    build_environment,
    script_path,
)
from pipelines.steps.debian.packaging.substitutes import Arrangement
from pipelines.steps.maven.incremental.store import ModuleStore, open_store
from pipelines.steps.maven.java.jdk import find_jdk
from pipelines.workspace.layout import Workspace

_CHANGELOG = "debian/changelog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A source to package."""

    options: BuildDebOptions
    context: StepContext
    host: Host
    commit: HeadCommit
    control: SourceControl

    @property
    def time(self) -> datetime:
        """The time of the commit, which dates everything in the packages."""
        return self.commit.time

    def open_store(self) -> ModuleStore | None:
        """Where results of Maven modules are kept; None when all modules are built."""
        return open_store(
            self.context,
            self.options.incremental,
            commit=self.commit.sha,
            pure_plugins=self.options.pure_plugins,
            module_inputs=self.options.module_inputs,
        )

    @property
    def script(self) -> Path | None:
        """The path of the build script inside the source, if it is used."""
        return script_path(self.options, self.context.workspace.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Packages, and how they were built."""

    folder: Path
    """Where the `.changes` file is."""
    decisions: Sequence[Decision]
    toolchain: Mapping[str, str]
    command: Command
    output: BuildOutput
    """The output of the build."""


def java_home(options: BuildDebOptions, context: StepContext) -> Path | None:
    """Home of the JDK of this machine that the build uses; None if the options name none.

    Raises StepFailed (TOOL_MISSING).
    """
    if options.jdk is None or options.isolation == "chroot":
        return None
    return find_jdk(options.jdk, context.env)


def read_changelog(source: Path, env: Mapping[str, str]) -> ChangelogEntry:
    """The newest entry of debian/changelog, as dpkg reads it. Raises StepFailed."""
    if not (source / _CHANGELOG).is_file():
        raise StepFailed(FailureCode.PACKAGING_FAILED, f"the source has no {_CHANGELOG}")
    command = ("dpkg-parsechangelog", "--count", "1", "--file", _CHANGELOG)
    got = capture(command, cwd=source, env={**env, "LC_ALL": "C.UTF-8"})
    try:
        return entry_of("" if got.code else got.output)
    except ValueError as error:
        why = "dpkg does not understand it" if got.code else str(error)
        why = first_complaint(got.errors) or why
        raise StepFailed(
            FailureCode.PACKAGING_FAILED,
            f"cannot read {_CHANGELOG}: {why}",
            excerpt=excerpt(got.errors.splitlines()),
        ) from error


def build_command(
    work: Work,
    source: Path,
    workspace: Workspace,
    arrangement: Arrangement,
    env: Mapping[str, str],
) -> Command:
    """Write the version into the tree at `source`; returns the command that builds it.

    The command is for a tree at `workspace.source`, which in a clean root is another place.
    """
    options, commit, codename = work.options, work.commit, work.host.codename
    entry = read_changelog(source, work.context.env)
    version = build_version(entry.version, options.version, codename, commit.sha, commit.time)
    # The script adds the suffix itself, and would add it a second time.
    if work.script is None and options.distribution_suffix:
        version += suffix(codename)
    if version != entry.version:
        path = source / _CHANGELOG
        # Bytes that are not UTF-8, as in old changelogs, are kept: dpkg accepts them too.
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        text = with_entry(text, entry, version, commit.sha, commit.time)
        path.unlink()  # a link may point to somebody else's file
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    facts = BuildFacts(
        time=commit.time,
        release_time=entry.time or commit.time,
        java_home=java_home(options, work.context),
    )
    built_env = build_environment(options, workspace, env, facts, arrangement.shims)
    return build_deb_command(work.script, workspace.source, arrangement, built_env)

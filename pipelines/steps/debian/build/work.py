"""What is packaged, and how the version gets in, the same on the host and in a clean root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Command, StepContext
from pipelines.git.head_commit import HeadCommit
from pipelines.steps.debian.build.output import BuildOutput
from pipelines.steps.debian.dependencies.control import SourceControl
from pipelines.steps.debian.dependencies.decisions import Decision
from pipelines.steps.debian.dependencies.host import Host
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.steps.debian.packaging.changelog import (
    build_version,
    first_entry,
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
from pipelines.steps.maven.java.jdk import find_jdk
from pipelines.workspace.layout import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A source that is to become packages."""

    options: BuildDebOptions
    context: StepContext
    host: Host
    commit: HeadCommit
    control: SourceControl

    @property
    def time(self) -> datetime:
        """The commit's, which dates everything in the packages."""
        return self.commit.time

    @property
    def script(self) -> Path | None:
        """The build script inside the source, if it is to be used."""
        return script_path(self.options, self.context.workspace.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Packages, and how they came about."""

    folder: Path
    """Where the `.changes` file is."""
    decisions: Sequence[Decision]
    toolchain: Mapping[str, str]
    command: Command
    output: BuildOutput
    """What the build said; test reports of a clean root are gone with it."""


def java_home(options: BuildDebOptions, context: StepContext) -> Path | None:
    """Of the JDK that the options name. Raises StepFailed (TOOL_MISSING)."""
    return find_jdk(options.jdk, context.env) if options.jdk else None


def read_changelog(source: Path) -> str:
    """Bytes that are no UTF-8, as old changelogs have, come as surrogates: dpkg takes them too.

    Raises StepFailed (PACKAGING_FAILED) when there is none.
    """
    path = source / "debian" / "changelog"
    if not path.is_file():
        raise StepFailed(FailureCode.PACKAGING_FAILED, "the source has no debian/changelog")
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def build_command(
    work: Work,
    source: Path,
    workspace: Workspace,
    arrangement: Arrangement,
    env: Mapping[str, str],
) -> Command:
    """Write the version into the tree at `source`; gives the command that builds it.

    The command is for a tree at `workspace.source`, which in a clean root is another place.
    """
    options, commit, codename = work.options, work.commit, work.host.codename
    text = read_changelog(source)
    entry = first_entry(text)
    version = build_version(entry.version, options.version, codename, commit.sha, commit.time)
    # The script adds the suffix itself, and would add it a second time.
    if work.script is None and options.distribution_suffix:
        version += suffix(codename)
    if version != entry.version:
        path = source / "debian" / "changelog"
        text = with_entry(text, version, commit.sha, commit.time)
        path.unlink()  # a link may lead to somebody else's file
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    facts = BuildFacts(
        time=commit.time,
        maintainer_name=entry.maintainer_name,
        maintainer_address=entry.maintainer_address,
        java_home=java_home(options, work.context),
    )
    built_env = build_environment(options, workspace, env, facts, arrangement.shims)
    return build_deb_command(work.script, workspace.source, arrangement, built_env)

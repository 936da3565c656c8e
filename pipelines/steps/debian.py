"""The step that builds Debian packages: kind `build-deb`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.debian.changelog import build_version, first_entry, suffix, with_entry
from pipelines.debian.changes import move_files, read_changes, read_packages
from pipelines.debian.dependencies import (
    check_commands,
    machine_state,
    read_control,
    satisfied,
    solve,
    summary,
)
from pipelines.debian.host import DPKG_PACKAGES, Host, HostReader, installed_versions, this_host
from pipelines.debian.installed_dummy import dummy_installed
from pipelines.debian.outcome import BuildOutcome
from pipelines.debian.packaging import (
    BuildDebOptions,
    BuildFacts,
    build_deb_command,
    build_environment,
    check_suffix,
    script_path,
)
from pipelines.debian.source_tree import restore_source
from pipelines.debian.substitutes import Arrangement, arrange, check
from pipelines.errors import FailureCode, StepFailed
from pipelines.head_commit import HeadCommit, read_head_commit
from pipelines.model import Command, StepContext, StepResult
from pipelines.steps.jdk import find_jdk
from pipelines.steps.maven_downloads import shared_downloads
from pipelines.steps.packaging_output import build_packages
from pipelines.tool_versions import java_version, maven_version


@dataclass(frozen=True, slots=True)
class BuildDeb:
    """Kind `build-deb`."""

    host: HostReader = this_host
    name = "build-deb"
    summary = "build the Debian packages"
    options = BuildDebOptions
    values = ("version",)

    def identity(self, options: BuildDebOptions, context: StepContext) -> Mapping[str, str]:
        """The commit, which the version names, and versions of the tools, read from files."""
        commit = {"commit": context.request.commit or "none"}
        return commit | _toolchain(context.env, _java_home(options, context))

    def preflight(self, options: BuildDebOptions, context: StepContext) -> str:
        """Whether `run` could build here: tools, Build-Depends, JDK, script, changelog."""
        host = self.host()
        check_commands(("dpkg-buildpackage", *options.tools), context.env)
        decisions = solve(read_control(options, context, host), options, context, host)
        first_entry(_changelog(context))
        script_path(options, context.workspace.source)
        _java_home(options, context)
        return summary(decisions)

    def preflight_identity(
        self,
        options: BuildDebOptions,  # noqa: ARG002
        context: StepContext,
    ) -> Mapping[str, str]:
        """The state of debian/control, dpkg and apt."""
        return machine_state(context, self.host())

    def run(self, options: BuildDebOptions, context: StepContext) -> StepResult:
        """Build; packages, `.changes` and `.buildinfo` are in `workspace.packages` then.

        Raises StepFailed (BUILD_DEPENDS, PACKAGING_FAILED, TOOL_MISSING, ARTIFACT_MISSING,
        CHECKOUT_FAILED, DISK_FULL, KILLED, and what the packaging's own Maven fails of).
        """
        host = self.host()
        check_commands(("dpkg-buildpackage", *options.tools), context.env)
        restore_source(context)
        commit = read_head_commit(context.workspace.source, context.env)
        control = read_control(options, context, host)
        context.progress("checking build dependencies")
        with satisfied(control, options, context, host) as decisions:
            arrangement = arrange(
                control.source,
                decisions,
                host.admindir,
                context,
                commit.time,
                overlay=options.dummies == "overlay",
            )
            command = _prepare(options, context, host, commit, arrangement)
            with (
                dummy_installed(arrangement.dummy, control.source, context),
                shared_downloads(context),
            ):
                check(arrangement, context, command.env)
                context.progress("building packages")
                output = build_packages(command, context)
        built = read_changes(context.workspace.source.parent)
        check_suffix(options, built.version, host.codename)
        files = move_files(built, context.workspace.packages)
        restore_source(context)
        outcome = BuildOutcome(
            source=control.source,
            version=built.version,
            packages=read_packages(files, context.env),
            decisions=decisions,
            toolchain=_toolchain(command.env),
            commands=(_shown(command, context),),
            tests=output.tests(),
            maven=output.modules(),
        )
        return StepResult(
            reason=outcome.reason, outputs=files, values=outcome.values(), complete=True
        )


def _toolchain(env: Mapping[str, str], java_home: Path | None = None) -> dict[str, str]:
    java = java_version({**env, "JAVA_HOME": str(java_home)} if java_home else env)
    maven = maven_version(env)
    return {
        **installed_versions(DPKG_PACKAGES),
        **({"java": java} if java else {}),
        **({"maven": maven} if maven else {}),
    }


def _java_home(options: BuildDebOptions, context: StepContext) -> Path | None:
    return find_jdk(options.jdk, context.env) if options.jdk else None


def _changelog(context: StepContext) -> str:
    path = context.workspace.source / "debian" / "changelog"
    if not path.is_file():
        raise StepFailed(FailureCode.PACKAGING_FAILED, "the source has no debian/changelog")
    return path.read_text(encoding="utf-8")


def _prepare(
    options: BuildDebOptions,
    context: StepContext,
    host: Host,
    commit: HeadCommit,
    arrangement: Arrangement,
) -> Command:
    """Write the version, make the job's home; gives the command that builds."""
    workspace = context.workspace
    text = _changelog(context)
    entry = first_entry(text)
    script = script_path(options, workspace.source)
    version = build_version(entry.version, options.version, host.codename, commit.sha, commit.time)
    # The script adds the suffix itself, and would add it a second time.
    if script is None and options.distribution_suffix:
        version += suffix(host.codename)
    if version != entry.version:
        path = workspace.source / "debian" / "changelog"
        path.write_text(with_entry(text, version, commit.sha, commit.time), encoding="utf-8")
    _link_local_repository(context)
    facts = BuildFacts(
        time=commit.time,
        maintainer_name=entry.maintainer_name,
        maintainer_address=entry.maintainer_address,
        java_home=_java_home(options, context),
    )
    env = build_environment(options, workspace, context.env, facts, arrangement.shims)
    return build_deb_command(script, workspace.source, arrangement, env)


def _link_local_repository(context: StepContext) -> None:
    # For a debian/rules that names $(HOME)/.m2/repository and does not take ACS_BUILD_OPTS.
    link = context.workspace.home / ".m2" / "repository"
    context.workspace.maven_repository.mkdir(parents=True, exist_ok=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(context.workspace.maven_repository)


def _shown(command: Command, context: StepContext) -> str:
    """The command for people; paths of the workspace would differ from builder to builder."""
    opts = command.env["ACS_BUILD_OPTS"]
    text = f"ACS_BUILD_OPTS={shlex.quote(opts)} {shlex.join(command.argv)}"
    return text.replace(str(context.workspace.root), "<workspace>")

"""The step that builds Debian packages: kind `build-deb`."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.debian.apt import has_package_lists, install, update_package_lists
from pipelines.debian.changelog import build_version, first_entry, suffix, with_entry
from pipelines.debian.changes import move_files, read_changes, read_packages
from pipelines.debian.control import SourceControl, parse_control
from pipelines.debian.host import DPKG_PACKAGES, Host, HostReader, installed_versions, this_host
from pipelines.debian.ladder import (
    Decision,
    Finding,
    GroupFinding,
    Rung,
    decide,
    groups_on,
)
from pipelines.debian.outcome import BuildOutcome
from pipelines.debian.packaging import (
    BuildDebOptions,
    BuildFacts,
    build_deb_command,
    build_environment,
    check_suffix,
    script_path,
)
from pipelines.debian.preflight import survey
from pipelines.debian.source_tree import restore_source
from pipelines.debian.substitutes import Arrangement, arrange, check
from pipelines.errors import FailureCode, StepFailed
from pipelines.head_commit import HeadCommit, read_head_commit
from pipelines.model import Command, StepContext, StepResult
from pipelines.steps.jdk import find_jdk
from pipelines.steps.maven_downloads import shared_downloads
from pipelines.steps.packaging_output import BuildOutput
from pipelines.steps.surefire_reports import SurefireResults
from pipelines.tool_versions import java_version, maven_version


@dataclass(frozen=True, slots=True)
class BuildDeb:
    """Kind `build-deb`."""

    host: HostReader = this_host
    name = "build-deb"
    summary = "build the Debian packages"
    options = BuildDebOptions

    def identity(self, options: BuildDebOptions, context: StepContext) -> Mapping[str, str]:
        """Versions of the tools that make the packages, read without starting one."""
        return _toolchain(context.env, _java_home(options, context))

    def run(self, options: BuildDebOptions, context: StepContext) -> StepResult:
        """Build; packages, `.changes` and `.buildinfo` are in `workspace.packages` then.

        Raises StepFailed (BUILD_DEPENDS, PACKAGING_FAILED, TOOL_MISSING, ARTIFACT_MISSING,
        CHECKOUT_FAILED, DISK_FULL, KILLED, and what the packaging's own Maven fails of).
        """
        host = self.host()
        _check_tools(options, context)
        restore_source(context)
        commit = read_head_commit(context.workspace.source, context.env)
        control = _read_control(options, context, host)
        context.progress("checking build dependencies")
        decisions = _satisfy(control, options, context, host)
        arrangement = arrange(control.source, decisions, host.admindir, context, commit.time)
        command = _prepare(options, context, host, commit, arrangement)
        check(arrangement, context, command.env)
        context.progress("building packages")
        with shared_downloads(context):
            tests = _build(command, context)
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
            tests=_tests(tests),
        )
        return StepResult(reason=outcome.reason, outputs=files, values=outcome.values())


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


def _check_tools(options: BuildDebOptions, context: StepContext) -> None:
    wanted = ("dpkg-buildpackage", *options.tools)
    missing = [tool for tool in wanted if not shutil.which(tool, path=context.env.get("PATH", ""))]
    if missing:
        raise StepFailed(
            FailureCode.TOOL_MISSING,
            f"packaging needs {', '.join(missing)}, which this machine does not have",
        )


def _read_control(options: BuildDebOptions, context: StepContext, host: Host) -> SourceControl:
    text = (context.workspace.source / "debian" / "control").read_text(encoding="utf-8")
    return parse_control(text, host.concerned, options.build_profiles)


def _satisfy(
    control: SourceControl, options: BuildDebOptions, context: StepContext, host: Host
) -> tuple[Decision, ...]:
    groups = control.build_depends
    cancelled = context.commands.check_cancelled
    findings = survey(groups, host.admindir, context.env, cancelled)
    if _any_gone(findings) and not has_package_lists(context.env):
        update_package_lists(context, is_root=host.is_root)
        findings = survey(groups, host.admindir, context.env, cancelled)
    decisions = decide(
        findings, allow_dummies=options.allow_dummies, allow_forced=options.allow_forced
    )
    missing = groups_on(Rung.APT, decisions)
    if missing:
        context.progress(f"installing {len(missing)} build dependencies")
        install(missing, context, is_root=host.is_root)
    return decisions


def _any_gone(findings: Sequence[GroupFinding]) -> bool:
    return any(finding.finding is Finding.GONE for finding in findings)


def _prepare(
    options: BuildDebOptions,
    context: StepContext,
    host: Host,
    commit: HeadCommit,
    arrangement: Arrangement,
) -> Command:
    """Write the version, make the job's home; gives the command that builds."""
    workspace = context.workspace
    changelog = workspace.source / "debian" / "changelog"
    text = changelog.read_text(encoding="utf-8")
    entry = first_entry(text)
    script = script_path(options, workspace.source)
    version = build_version(entry.version, options.version, host.codename, commit.sha, commit.time)
    # The script adds the suffix itself, and would add it a second time.
    if script is None and options.distribution_suffix:
        version += suffix(host.codename)
    if version != entry.version:
        changelog.write_text(with_entry(text, version, commit.sha, commit.time), encoding="utf-8")
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


def _build(command: Command, context: StepContext) -> SurefireResults:
    output = BuildOutput(context.workspace.source, context.progress, since=time.time())
    code = context.commands.run(command, output.add)
    if code != 0:
        raise output.failure(code)
    return output.tests()


def _tests(results: SurefireResults) -> dict[str, int] | None:
    if not results.run:
        return None
    return {"run": results.run, "skipped": results.skipped, "flaky": results.flaky}


def _shown(command: Command, context: StepContext) -> str:
    """The command for people; paths of the workspace would differ from builder to builder."""
    opts = command.env["ACS_BUILD_OPTS"]
    text = f"ACS_BUILD_OPTS={shlex.quote(opts)} {shlex.join(command.argv)}"
    return text.replace(str(context.workspace.root), "<workspace>")

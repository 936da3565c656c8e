"""Builds packages on the machine itself: `isolation: host`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipelines.domain.pipeline import StepContext
from pipelines.steps.debian.build.output import build_packages
from pipelines.steps.debian.build.work import Made, Work, build_command
from pipelines.steps.debian.dependencies.host import DPKG_PACKAGES, installed_versions
from pipelines.steps.debian.dependencies.install import satisfied
from pipelines.steps.debian.dependencies.installed_dummy import dummy_installed
from pipelines.steps.debian.packaging.substitutes import arrange, check
from pipelines.steps.maven.downloads import shared_downloads
from pipelines.steps.maven.java.versions import java_version, maven_version


def package_on_host(work: Work) -> Made:
    """Build beside the source. Raises StepFailed, StepCancelled."""
    context, options, host = work.context, work.options, work.host
    with satisfied(work.control, options, context, host) as decisions:
        arrangement = arrange(
            work.control.source,
            decisions,
            host.admindir,
            context,
            work.time,
            overlay=options.dummies == "overlay",
        )
        workspace = context.workspace
        command = build_command(work, workspace.source, workspace, arrangement, context.env)
        _link_local_repository(context)
        with (
            dummy_installed(arrangement.dummy, work.control.source, context),
            shared_downloads(context),
        ):
            check(arrangement, context, command.env)
            context.progress("building packages")
            output = build_packages(command, context, work.open_store())
        toolchain = toolchain_versions(command.env)
    return Made(
        folder=workspace.source.parent,
        decisions=decisions,
        toolchain=toolchain,
        command=command,
        output=output,
    )


def toolchain_versions(env: Mapping[str, str], java_home: Path | None = None) -> dict[str, str]:
    """Versions of the tools that make packages here, read without starting one."""
    java = java_version({**env, "JAVA_HOME": str(java_home)} if java_home else env)
    maven = maven_version(env)
    return {
        **installed_versions(DPKG_PACKAGES),
        **({"java": java} if java else {}),
        **({"maven": maven} if maven else {}),
    }


def _link_local_repository(context: StepContext) -> None:
    # For a debian/rules that uses $(HOME)/.m2/repository and ignores ACS_BUILD_OPTS.
    link = context.workspace.home / ".m2" / "repository"
    context.workspace.maven_repository.mkdir(parents=True, exist_ok=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(context.workspace.maven_repository)

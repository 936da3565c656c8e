"""The work of a `build-deb` step: checks the machine, builds packages, checks the packages."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Command, StepContext, StepResult
from pipelines.git.head_commit import read_head_commit
from pipelines.steps.debian.build.in_clean_root import bare_host, package_in_clean_root
from pipelines.steps.debian.build.on_host import package_on_host, toolchain_versions
from pipelines.steps.debian.build.work import Made, Work, java_home, read_changelog
from pipelines.steps.debian.checks.installability import (
    InstallTest,
    check_install_test,
    try_to_install,
)
from pipelines.steps.debian.checks.lintian import LintianSummary, run_lintian
from pipelines.steps.debian.checks.source_package import check_source_package
from pipelines.steps.debian.clean_root import refusal
from pipelines.steps.debian.dependencies.host import Host
from pipelines.steps.debian.dependencies.install import (
    check_commands,
    read_control,
    solve,
    summary,
)
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.steps.debian.packaging.changes import (
    Package,
    move_files,
    read_changes,
    read_packages,
)
from pipelines.steps.debian.packaging.command import check_suffix, script_path
from pipelines.steps.debian.packaging.outcome import BuildOutcome
from pipelines.steps.debian.packaging.source_tree import restore_source
from pipelines.steps.maven.incremental.from_scratch import remove_results
from pipelines.steps.maven.incremental.selection import Selection, selection_of, unresolved
from pipelines.steps.maven.output.events import events_in
from pipelines.steps.maven.output.resolved import keep_dependencies
from pipelines.workspace.removal import discard


def tools_and_commit(options: BuildDebOptions, context: StepContext) -> Mapping[str, str]:
    """The commit, which the version names, and versions of the tools, read from files."""
    commit = {"commit": context.request.commit or "none"}
    return commit | toolchain_versions(context.env, java_home(options, context))


def look_ahead(options: BuildDebOptions, context: StepContext, host: Host) -> str:
    """Whether `package` could do its work: tools, Build-Depends, JDK, script, changelog.

    Raises StepFailed.
    """
    _check_machine(options, context)
    check_source_package(context, host)
    where = bare_host(host, context) if options.isolation == "chroot" else host
    decisions = solve(read_control(options, context, host), options, context, where)
    read_changelog(context.workspace.source, context.env)
    script_path(options, context.workspace.source)
    java_home(options, context)
    return summary(decisions)


def package(options: BuildDebOptions, context: StepContext, host: Host) -> StepResult:
    """Build; puts packages, `.changes` and `.buildinfo` into `workspace.packages`.

    Raises StepFailed (BUILD_DEPENDS, PACKAGING_FAILED, TOOL_MISSING, ARTIFACT_MISSING,
    CHECKOUT_FAILED, DISK_FULL, KILLED, and the codes of the packaging's own Maven).
    """
    _check_machine(options, context)
    restore_source(context)
    # Settings and caches of the tools of an earlier try; downloads of Maven are elsewhere.
    discard(context.workspace.home, context.workspace.discarded)
    check_source_package(context, host)
    work = Work(
        options=options,
        context=context,
        host=host,
        commit=read_head_commit(context.workspace.source, context.env),
        control=read_control(options, context, host),
    )
    context.progress("checking build dependencies")
    made, selection = _make(work)
    built = read_changes(made.folder)
    check_suffix(options, built.version, host.codename)
    files = move_files(built, context.workspace.packages)
    restore_source(context)
    packages = read_packages(files, context.env)
    outcome = BuildOutcome(
        source=work.control.source,
        version=built.version,
        packages=packages,
        decisions=made.decisions,
        toolchain=made.toolchain,
        commands=(_shown(made.command),),
        tests=made.output.tests(),
        maven=made.output.modules(),
        selection=selection,
        lintian=_lintian(work),
        install_test=_install_test(work, packages),
    )
    check_install_test(outcome.install_test, required=options.install_test_required)
    told = keep_dependencies(made.output.events(), context.workspace.dependencies(context.step))
    return StepResult(
        reason=outcome.reason, outputs=(*files, *told), values=outcome.values(), complete=True
    )


def _make(work: Work) -> tuple[Made, Selection]:
    """Build, again without kept modules if they were not what a build from scratch makes."""
    context, options = work.context, work.options
    make = package_in_clean_root if options.isolation == "chroot" else package_on_host
    problem, made = "", None
    try:
        made = make(work)
        events = made.output.events()
        problem = events.stale
    except StepFailed as error:
        events = events_in(context.workspace.module_events(context.step))
        problem = unresolved(events, error)
        if not problem:
            raise
    if made is None or problem:
        context.progress(f"building everything: {problem}")
        remove_results(events, context)
        restore_source(context)
        made = make(replace(work, options=options.model_copy(update={"incremental": "off"})))
        events = made.output.events()
    if options.incremental == "off" or not events.modules:
        return made, Selection()
    job = context.workspace.job_id
    return made, selection_of(events, 0, job, problem, is_surprise=bool(problem))


def _check_machine(options: BuildDebOptions, context: StepContext) -> None:
    if options.isolation == "host":
        check_commands(("dpkg-buildpackage", *options.tools), context.env)
        return
    why_not = refusal(context.env)
    if why_not:
        raise StepFailed(
            FailureCode.TOOL_MISSING, f"isolation: chroot is not possible here: {why_not}"
        )


def _lintian(work: Work) -> LintianSummary | None:
    if not work.options.lintian:
        return None
    work.context.progress("checking packages with lintian")
    return run_lintian(next(work.context.workspace.packages.glob("*.changes")), work.context)


def _install_test(work: Work, packages: Sequence[Package]) -> InstallTest | None:
    paths = [package.path for package in packages if package.path.suffix == ".deb"]
    if work.options.install_test == "none" or not paths:
        return None
    work.context.progress("testing the installation of the packages")
    return try_to_install(paths, work.options.install_test, work.host, work.context)


def _shown(command: Command) -> str:
    """The command for people, without the workspace's paths, which differ between builders."""
    opts = command.env["ACS_BUILD_OPTS"]
    text = f"ACS_BUILD_OPTS={shlex.quote(opts)} {shlex.join(command.argv)}"
    root = command.cwd.parents[1]
    return text.replace(str(root), "<workspace>")

"""A source's Build-Depends on this machine: a check within seconds, then the installation."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from common.digests import file_sha256
from pipelines.domain.debian_packages import how_to_install
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import StepContext
from pipelines.processes.step_log import open_log
from pipelines.steps.debian.dependencies.apt import (
    check_rights,
    has_package_lists,
    install,
    update_package_lists,
)
from pipelines.steps.debian.dependencies.control import SourceControl, parse_control
from pipelines.steps.debian.dependencies.decisions import (
    Decision,
    Finding,
    GroupFinding,
    Rung,
    decide,
    groups_on,
)
from pipelines.steps.debian.dependencies.host import Host
from pipelines.steps.debian.dependencies.installed_dummy import (
    check_may_install,
    leftovers,
    remove_leftovers,
)
from pipelines.steps.debian.dependencies.machine_lock import machine_lock
from pipelines.steps.debian.dependencies.relations import Group, Relation
from pipelines.steps.debian.dependencies.survey import check_conflicts, survey
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.steps.maven.java.jdk import jdk_packages


def read_control(options: BuildDebOptions, context: StepContext, host: Host) -> SourceControl:
    """The source's Build-Depends, in a clean root also the JDK that the options name.

    Raises StepFailed (PACKAGING_FAILED, BUILD_DEPENDS).
    """
    path = context.workspace.source / "debian" / "control"
    if not path.is_file():
        raise StepFailed(FailureCode.PACKAGING_FAILED, "the source has no debian/control")
    text = path.read_text(encoding="utf-8", errors="replace")
    control = parse_control(text, host.concerned, options.build_profiles)
    if options.jdk is None or options.isolation == "host":
        return control
    jdk = Group(tuple(Relation(name) for name in jdk_packages(options.jdk)))
    return replace(control, build_depends=(*control.build_depends, jdk))


def solve(
    control: SourceControl, options: BuildDebOptions, context: StepContext, host: Host
) -> tuple[Decision, ...]:
    """How each of the Build-Depends would be satisfied here; installs nothing.

    The step's log gets all items. Raises StepFailed (BUILD_DEPENDS, TOOL_MISSING) when that is
    not possible.
    """
    findings = _survey(control, context, host)
    if _any_gone(findings) and not has_package_lists(context.env):
        update_package_lists(context, is_root=host.is_root)
        findings = _survey(control, context, host)
    _note(context, [f"{f.finding}: {f.group}: {f.detail}" for f in findings])
    decisions = decide(
        findings, allow_dummies=options.allow_dummies, allow_forced=options.allow_forced
    )
    check_rights(groups_on(Rung.APT, decisions), is_root=host.is_root)
    if groups_on(Rung.DUMMY, decisions):
        check_commands(("equivs-build",), context.env)
        if options.dummies == "installed":
            check_may_install(host)
    if control.build_conflicts:
        check_conflicts(control.build_conflicts, host.admindir, context.env)
    return decisions


@contextmanager
def satisfied(
    control: SourceControl, options: BuildDebOptions, context: StepContext, host: Host
) -> Iterator[tuple[Decision, ...]]:
    """Install what apt has, and keep the machine unchanged meanwhile. Raises like `solve`.

    Builds run concurrently; while apt installs, or a dummy is installed, one job runs alone.
    """
    lock = partial(
        machine_lock,
        host.lock,
        check_cancelled=context.commands.check_cancelled,
        on_wait=lambda: context.progress("waiting for another packaging on this machine"),
    )
    with lock(alone=False):
        clean = not leftovers(host)
        decisions = solve(control, options, context, host) if clean else ()
        if clean and not _changes_machine(decisions, options):
            yield decisions
            return
    with lock(alone=True):
        remove_leftovers(host, context)
        decisions = solve(control, options, context, host)
        missing = groups_on(Rung.APT, decisions)
        if missing:
            context.progress(f"installing {len(missing)} build dependencies")
            install(missing, context, is_root=host.is_root)
        if _installs_dummies(decisions, options):
            yield decisions
            return
    with lock(alone=False):
        yield decisions


def _changes_machine(decisions: Sequence[Decision], options: BuildDebOptions) -> bool:
    return bool(groups_on(Rung.APT, decisions)) or _installs_dummies(decisions, options)


def _installs_dummies(decisions: Sequence[Decision], options: BuildDebOptions) -> bool:
    return options.dummies == "installed" and bool(groups_on(Rung.DUMMY, decisions))


def check_commands(names: Sequence[str], env: Mapping[str, str]) -> None:
    """Raise StepFailed (TOOL_MISSING) with all commands that are not on PATH."""
    missing = [name for name in names if not shutil.which(name, path=env.get("PATH", ""))]
    if missing:
        raise StepFailed(
            FailureCode.TOOL_MISSING,
            f"missing on this machine, but needed for packaging: {', '.join(missing)}."
            f"{how_to_install(missing)}",
        )


def summary(decisions: Sequence[Decision]) -> str:
    """The answer in a few words: `9 build dependencies: 7 met, 1 apt, 1 dummy`."""
    counts = Counter(decision.rung for decision in decisions)
    parts = ", ".join(f"{counts[rung]} {rung}" for rung in Rung if counts[rung])
    return f"{len(decisions)} build dependencies: {parts}"


def machine_state(context: StepContext, host: Host) -> dict[str, str]:
    """Digests of everything that the answer depends on: installed and installable packages."""
    releases = sorted(host.package_lists.glob("*Release"))
    return {
        "debian/control": _digest(context.workspace.source / "debian" / "control"),
        "dpkg's status": _digest(host.admindir / "status"),
        **{f"apt's {path.name}": _digest(path) for path in releases},
    }


def _digest(path: Path) -> str:
    return file_sha256(path) if path.is_file() else "none"


def _survey(control: SourceControl, context: StepContext, host: Host) -> tuple[GroupFinding, ...]:
    cancelled = context.commands.check_cancelled
    return survey(control.build_depends, host.admindir, context.env, cancelled)


def _any_gone(findings: Sequence[GroupFinding]) -> bool:
    return any(finding.finding is Finding.GONE for finding in findings)


def _note(context: StepContext, lines: Sequence[str]) -> None:
    with open_log(context.commands.log) as log:
        for line in lines:
            log.write(f"# {line}")

"""Makes the build see its dependencies satisfied: the dummy, its overlay, the shims."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Command, StepContext
from pipelines.failures.excerpt import excerpt
from pipelines.steps.debian.dependencies.decisions import Decision, Rung, groups_on
from pipelines.steps.debian.dependencies.dummy import Provided, equivs_control, installed_stanza
from pipelines.steps.debian.dependencies.host import DPKG_ADMINDIR
from pipelines.steps.debian.packaging.changes import read_package_control
from pipelines.steps.debian.packaging.dpkg_overlay import write_overlay, write_shims

_LAST_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """The substitutes for the build's tools."""

    shims: Path
    """Folder that must be first in PATH."""
    check_flags: tuple[str, ...]
    """Arguments with which dpkg-checkbuilddeps sees the packages that count as installed."""
    forced: bool
    dummy: Path | None = None
    """The dummy to install during the build."""

    @property
    def build_flags(self) -> tuple[str, ...]:
        """Arguments of dpkg-buildpackage."""
        return (*self.check_flags, "-d") if self.forced else self.check_flags


def arrange(
    source: str,
    decisions: Sequence[Decision],
    admindir: Path,
    context: StepContext,
    time: datetime,
    *,
    overlay: bool,
) -> Arrangement:
    """Make everything that the decisions require in the step's scratch folder, emptied first.

    `admindir` is the host's, which is only read; `time` dates changelog entries that dch makes;
    without `overlay` the caller must install the dummy. Raises StepFailed (BUILD_DEPENDS,
    TOOL_MISSING).
    """
    scratch = context.workspace.scratch(context.step)
    if scratch.exists():
        shutil.rmtree(scratch)
    scratch.mkdir(parents=True)
    provided = [d.provided for d in decisions if d.provided is not None]
    visible = admindir
    dummy = build_dummy(source, provided, scratch / "dummy", context) if provided else None
    if dummy and overlay:
        visible = scratch / "admindir"
        write_overlay(visible, admindir, installed_stanza(read_package_control(dummy, context.env)))
    flags = () if visible == DPKG_ADMINDIR else (f"--admindir={visible}",)
    forced = bool(groups_on(Rung.FORCED, decisions))
    shims = scratch / "shims"
    write_shims(shims, context.env.get("PATH", ""), check=flags, forced=forced, time=time)
    to_install = None if overlay else dummy
    return Arrangement(shims=shims, check_flags=flags, forced=forced, dummy=to_install)


def check(arrangement: Arrangement, context: StepContext, env: Mapping[str, str]) -> None:
    """Let dpkg make the final check, including Build-Conflicts.

    Raises StepFailed (BUILD_DEPENDS).
    """
    if arrangement.forced:
        return
    lines: list[str] = []
    command = Command(
        argv=("dpkg-checkbuilddeps", *arrangement.check_flags),
        cwd=context.workspace.source,
        env=env,
        on_host=True,
    )
    if context.commands.run(command, lines.append) != 0:
        raise StepFailed(
            FailureCode.BUILD_DEPENDS,
            "dpkg-checkbuilddeps rejects the build",
            excerpt=excerpt(lines),
        )


def build_dummy(
    source: str, provided: Sequence[Provided], folder: Path, context: StepContext
) -> Path:
    """Make the dummy in `folder` with equivs. Raises StepFailed (BUILD_DEPENDS, TOOL_MISSING)."""
    folder.mkdir()
    control = folder / "control"
    control.write_text(equivs_control(source, provided))
    lines: list[str] = []
    command = Command(
        argv=("equivs-build", str(control)), cwd=folder, env=context.env, on_host=True
    )
    code = context.commands.run(command, lines.append)
    packages = sorted(folder.glob("*.deb"))
    if code != 0 or len(packages) != 1:
        raise StepFailed(
            FailureCode.BUILD_DEPENDS,
            "equivs-build cannot make the dummy package",
            excerpt=excerpt(lines[-_LAST_LINES:]),
        )
    return packages[0]

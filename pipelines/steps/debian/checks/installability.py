"""Whether apt can install the finished packages: tried in a temporary root, or simulated."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from debian.deb822 import Deb822

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import StepContext
from pipelines.failures.excerpt import excerpt, one_line
from pipelines.steps.debian.checks.conflicts import conflicting_pairs, installable_sets
from pipelines.steps.debian.clean_root import (
    CleanRoot,
    apt_line,
    clean_root_command,
    prepare,
    refusal,
    script_text,
    wipe,
)
from pipelines.steps.debian.dependencies.apt import simulate_install
from pipelines.steps.debian.dependencies.host import Host
from pipelines.steps.debian.packaging.changes import read_package_control

Way = Literal["root", "simulated"]

_BEGINS = "the packages will be installed in a temporary root"
_SHOWN = 10
_MAX_LINE = 200
_SCRIPT_LINES = 4
_SETTING_UP = re.compile(r"(?:Setting up|Unpacking|Preparing to unpack) ")


@dataclass(frozen=True, slots=True)
class InstallTest:
    """The result of the test."""

    installs: bool
    how: str
    """`in a temporary root`, or `simulated: ` and why."""
    problem: Sequence[str] = ()
    """The message of apt, if they cannot be installed."""
    apart: Sequence[tuple[str, str]] = ()
    """Pairs of packages that declare a conflict with each other."""
    sets: Sequence[Sequence[str]] = ()
    """Names of the packages that were tried together, if not all were."""

    def words(self) -> str:
        """For the step's reason."""
        if self.installs and self.apart:
            one, other = self.apart[0]
            more = f" and {len(self.apart) - 1} more pairs" if len(self.apart) > 1 else ""
            because = f"because {one} conflicts with {other}{more}"
            return f"they install in {len(self.sets)} sets, {because} ({self.how})"
        if self.installs:
            return f"installable ({self.how})"
        first = f": {self.problem[0]}" if self.problem else ""
        return f"NOT installable ({self.how}){first}"

    def values(self) -> dict[str, Any]:
        """The same as JSON."""
        problem = {} if self.installs else {"problem": list(self.problem)}
        sets = {"sets": [list(names) for names in self.sets]} if self.sets else {}
        return {"installs": self.installs, "how": self.how, **problem, **sets}


def try_to_install(
    packages: Sequence[Path], way: Way, host: Host, context: StepContext
) -> InstallTest:
    """Try to install the packages, on a system with nothing else.

    All together, or each set of those that do not conflict with each other. A simulation starts
    with the packages of this machine. Raises StepFailed, StepCancelled.
    """
    controls = [Deb822(read_package_control(path, context.env)) for path in packages]
    apart = conflicting_pairs(controls)
    if not apart:
        return _try(packages, way, host, context)
    paths = {control["Package"]: path for control, path in zip(controls, packages, strict=True)}
    sets = installable_sets(list(paths), apart)
    for names in sets:
        tried = _try([paths[name] for name in names], way, host, context)
        if not tried.installs:
            break
    return replace(tried, apart=apart, sets=sets)


def _try(packages: Sequence[Path], way: Way, host: Host, context: StepContext) -> InstallTest:
    if way == "simulated":
        return _simulate(packages, "requested by the pipeline", host, context)
    why_not = refusal(context.env)
    if why_not:
        return _simulate(packages, why_not, host, context)
    tried = _in_root(packages, host, context)
    return tried or _simulate(packages, "no temporary root could be made", host, context)


def check_install_test(test: InstallTest | None, *, required: bool) -> None:
    """Raise StepFailed (PACKAGING_FAILED) when packages must be installable and are not."""
    if required and test and not test.installs:
        problem = ", ".join(test.problem[:1])
        raise StepFailed(
            FailureCode.PACKAGING_FAILED,
            one_line(f"the packages cannot be installed ({test.how}): {problem}"),
            excerpt=excerpt(test.problem),
        )


def _simulate(packages: Sequence[Path], why: str, host: Host, context: StepContext) -> InstallTest:
    got = simulate_install(packages, host.admindir, context.env)
    problem = _problem(got.text.splitlines())
    return InstallTest(got.code == 0, f"simulated: {why}", problem)


def _in_root(packages: Sequence[Path], host: Host, context: StepContext) -> InstallTest | None:
    """None when no root could be made for it."""
    folder = _fill(context.workspace.scratch(f"{context.step}-install-test"), packages)
    root = CleanRoot(suite=host.codename, variant="apt", folder=folder, script="/install-test/run")
    lines: list[str] = []
    prepare(context)
    try:
        code = context.commands.run(clean_root_command(root, context), lines.append)
    finally:
        wipe(context)
        shutil.rmtree(folder)
    if _BEGINS not in lines:
        return None
    said = lines[lines.index(_BEGINS) :]
    return InstallTest(code == 0, "in a temporary root", _problem(said))


def _fill(folder: Path, packages: Sequence[Path]) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    inside = folder / "install-test"
    inside.mkdir(parents=True)
    for package in packages:
        os.link(package, inside / package.name)
    paths = [f"/install-test/{package.name}" for package in packages]
    script = script_text([f"echo '{_BEGINS}'", apt_line("install", *paths)])
    (inside / "run").write_text(script)
    return folder


def _problem(lines: Sequence[str]) -> list[str]:
    """The messages of apt: unmet dependencies, then its errors."""
    heading = "The following packages have unmet dependencies:"
    begin = lines.index(heading) + 1 if heading in lines else len(lines)
    unmet = [line for line in lines[begin:] if line.startswith(" ")]
    script = [line for line in _above_script_error(lines) if line.strip()]
    errors = [line for line in lines if line.startswith(("E: ", "dpkg: error"))]
    return [line.strip()[:_MAX_LINE] for line in (*unmet, *script, *errors)][:_SHOWN]


def _above_script_error(lines: Sequence[str]) -> Sequence[str]:
    """The output of a failed maintainer script, from `Setting up PACKAGE` on.

    A tool's usage is long: its error is above it, and a shell's own error is last.
    """
    at = next((n for n, line in enumerate(lines) if line.startswith("dpkg: error proc")), 0)
    begin = next((n + 1 for n in range(at - 1, -1, -1) if _SETTING_UP.match(lines[n])), at)
    said = lines[begin:at]
    if len(said) > _SCRIPT_LINES:
        half = _SCRIPT_LINES // 2
        said = [*said[:half], *said[-half:]]
    return [*said, *lines[at + 1 : at + 2]] if at else ()

"""Which Build-Depends this machine meets, can install, or cannot get, according to dpkg and apt.

Takes seconds, before Maven starts: a job that cannot be packaged here fails at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.failures.excerpt import excerpt
from pipelines.processes.capture import Captured, capture
from pipelines.steps.debian.dependencies.apt import simulate
from pipelines.steps.debian.dependencies.decisions import Finding, GroupFinding
from pipelines.steps.debian.dependencies.relations import Group

_INSTALLS = re.compile(r"^Inst (\S+) (?:\[\S+\] )?\((\S+)", re.MULTILINE)
_UNMET = re.compile(r"Depends: (.*?)\nE: ", re.DOTALL)
_SHOWN = 3


def survey(
    groups: Sequence[Group],
    admindir: Path,
    env: Mapping[str, str],
    check_cancelled: Callable[[], None],
) -> tuple[GroupFinding, ...]:
    """A finding for each group; `admindir` is dpkg's database. Raises StepFailed."""
    if _is_met(groups, admindir, env):
        return tuple(_met(group) for group in groups)
    unmet = [group for group in groups if not _is_met([group], admindir, env)]
    found = {finding.group: finding for finding in _ask_apt(unmet, admindir, env, check_cancelled)}
    return tuple(found.get(group) or _met(group) for group in groups)


def check_conflicts(groups: Sequence[Group], admindir: Path, env: Mapping[str, str]) -> None:
    """Raise StepFailed (BUILD_DEPENDS) when one of the Build-Conflicts is installed."""
    got = _check("", ", ".join(map(str, groups)), admindir, env)
    if got.code != 0:
        raise StepFailed(
            FailureCode.BUILD_DEPENDS,
            "packages that conflict with the build are installed",
            excerpt=excerpt(got.text.splitlines()),
        )


def _ask_apt(
    groups: Sequence[Group],
    admindir: Path,
    env: Mapping[str, str],
    check_cancelled: Callable[[], None],
) -> list[GroupFinding]:
    """A finding for each group that is not met. If all can be installed, one query is enough."""
    check_cancelled()
    together = simulate(groups, admindir, env)
    if together.code == 0:
        return [_installable(group, together) for group in groups]
    findings = []
    for group in groups:
        check_cancelled()
        got = simulate([group], admindir, env)
        gone = GroupFinding(group, Finding.GONE, _why_not(got))
        findings.append(_installable(group, got) if got.code == 0 else gone)
    _check_together([f.group for f in findings if f.finding is Finding.INSTALLABLE], admindir, env)
    return findings


def _check_together(groups: Sequence[Group], admindir: Path, env: Mapping[str, str]) -> None:
    if not groups:
        return
    got = simulate(groups, admindir, env)
    if got.code != 0:
        names = ", ".join(f"'{group}'" for group in groups)
        raise StepFailed(
            FailureCode.BUILD_DEPENDS,
            f"apt can install each of these build dependencies, but not together: {names}",
            excerpt=excerpt(got.text.splitlines()),
        )


def _met(group: Group) -> GroupFinding:
    return GroupFinding(group, Finding.MET, "it is installed")


def _installable(group: Group, got: Captured) -> GroupFinding:
    installs = dict(_INSTALLS.findall(got.output))
    names = [relation.name for relation in group.alternatives if relation.name in installs]
    shown = [f"{name} {installs[name]}" for name in names or [*installs][:_SHOWN]]
    return GroupFinding(group, Finding.INSTALLABLE, f"apt has {', '.join(shown)}")


def _is_met(groups: Sequence[Group], admindir: Path, env: Mapping[str, str]) -> bool:
    return _check(", ".join(map(str, groups)), "", admindir, env).code == 0


def _check(depends: str, conflicts: str, admindir: Path, env: Mapping[str, str]) -> Captured:
    argv = ["dpkg-checkbuilddeps", f"--admindir={admindir}", "-d", depends, "-c", conflicts]
    got = capture([*argv, "/dev/null"], cwd=Path("/"), env=env)
    if got.code not in (0, 1):
        raise StepFailed(
            FailureCode.BUILD_DEPENDS,
            f"dpkg-checkbuilddeps cannot check '{(depends or conflicts)[:200]}'",
            excerpt=excerpt(got.text.splitlines()),
        )
    return got


def _why_not(got: Captured) -> str:
    unmet = _UNMET.search(got.text)
    if unmet:
        return f"apt: {' '.join(unmet[1].split())}"
    errors = [line.removeprefix("E: ") for line in got.text.splitlines() if line.startswith("E: ")]
    return f"apt: {errors[0] if errors else 'it cannot be satisfied'}"

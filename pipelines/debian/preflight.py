"""Which Build-Depends this machine meets, could install, or can't have: asked of dpkg and apt.

Seconds, and before Maven starts: a job that can't be packaged here fails at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipelines.capture import Captured, capture
from pipelines.debian.apt import simulate
from pipelines.debian.build_depends import Group
from pipelines.debian.excerpt import excerpt
from pipelines.debian.ladder import Finding, GroupFinding
from pipelines.errors import FailureCode, StepFailed

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
    if _is_met(", ".join(map(str, groups)), admindir, env):
        return tuple(_met(group) for group in groups)
    findings = []
    for group in groups:
        check_cancelled()
        findings.append(_find(group, admindir, env))
    return tuple(findings)


def _find(group: Group, admindir: Path, env: Mapping[str, str]) -> GroupFinding:
    if _is_met(str(group), admindir, env):
        return _met(group)
    got = simulate(group, env)
    if got.code == 0:
        return GroupFinding(group, Finding.INSTALLABLE, _would_install(got))
    return GroupFinding(group, Finding.GONE, _why_not(got))


def _met(group: Group) -> GroupFinding:
    return GroupFinding(group, Finding.MET, "it is installed")


def _is_met(groups: str, admindir: Path, env: Mapping[str, str]) -> bool:
    got = capture(
        ["dpkg-checkbuilddeps", f"--admindir={admindir}", "-d", groups, "-c", "", "/dev/null"],
        cwd=Path("/"),
        env=env,
    )
    if got.code not in (0, 1):
        raise StepFailed(
            FailureCode.BUILD_DEPENDS,
            f"dpkg-checkbuilddeps can't check '{groups[:200]}'",
            excerpt=excerpt(got.text.splitlines()),
        )
    return got.code == 0


def _would_install(got: Captured) -> str:
    installs = [f"{name} {version}" for name, version in _INSTALLS.findall(got.text)]
    more = f" and {len(installs) - _SHOWN} more" if len(installs) > _SHOWN else ""
    return f"apt has {', '.join(installs[:_SHOWN])}{more}"


def _why_not(got: Captured) -> str:
    unmet = _UNMET.search(got.text)
    if unmet:
        return f"apt: {' '.join(unmet[1].split())}"
    errors = [line.removeprefix("E: ") for line in got.text.splitlines() if line.startswith("E: ")]
    return f"apt: {errors[0] if errors else 'it can not be satisfied'}"

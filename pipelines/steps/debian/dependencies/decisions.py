"""How each group of Build-Depends is satisfied. Pure: findings and permissions to decisions.

The rungs, best first: it is met; apt installs it; a dummy replaces it; the check is forced.
A group that apt can install never becomes a dummy and is never forced.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.failures.excerpt import excerpt
from pipelines.steps.debian.dependencies.dummy import Provided, provided_for
from pipelines.steps.debian.dependencies.relations import Group
from pipelines.steps.debian.dependencies.toolchain import asks_for_toolchain, is_toolchain


class Finding(StrEnum):
    """How this machine can satisfy a group."""

    MET = "met"
    INSTALLABLE = "installable"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class GroupFinding:
    """The preflight's answer for one group."""

    group: Group
    finding: Finding
    detail: str
    """A short message of apt about it."""


class Rung(StrEnum):
    """How a group is satisfied."""

    MET = "met"
    APT = "apt"
    DUMMY = "dummy"
    FORCED = "forced"


@dataclass(frozen=True, slots=True)
class Decision:
    """The rung for one group, and why."""

    group: Group
    rung: Rung
    reason: str
    provided: Provided | None = None
    """The packages that the dummy provides, on rung DUMMY."""


def decide(
    findings: Iterable[GroupFinding], *, allow_dummies: Collection[str], allow_forced: bool
) -> tuple[Decision, ...]:
    """A decision for each group. Raises StepFailed (BUILD_DEPENDS) with all unsatisfied groups."""
    decisions = []
    refusals = []
    for finding in findings:
        decision = _decision(finding, allow_dummies)
        if decision is None and allow_forced:
            decision = Decision(
                finding.group,
                Rung.FORCED,
                f"{_refusal(finding.group, finding.detail)}; allow_forced is set",
            )
        if decision is None:
            refusals.append((finding.group, _refusal(finding.group, finding.detail)))
        else:
            decisions.append(decision)
    if refusals:
        raise _gone(refusals)
    return tuple(decisions)


def grade(decisions: Iterable[Decision]) -> str:
    """The quality of the packages: `clean`, `dummied` or `forced`."""
    rungs = {decision.rung for decision in decisions}
    if Rung.FORCED in rungs:
        return "forced"
    return "dummied" if Rung.DUMMY in rungs else "clean"


def groups_on(rung: Rung, decisions: Iterable[Decision]) -> tuple[Group, ...]:
    """The groups that are satisfied in this way."""
    return tuple(decision.group for decision in decisions if decision.rung is rung)


def _decision(finding: GroupFinding, allow_dummies: Collection[str]) -> Decision | None:
    if finding.finding is Finding.MET:
        return Decision(finding.group, Rung.MET, finding.detail)
    if finding.finding is Finding.INSTALLABLE:
        return Decision(finding.group, Rung.APT, finding.detail)
    if asks_for_toolchain(finding.group):
        return None
    for relation in finding.group.alternatives:
        if relation.name in allow_dummies and not is_toolchain(relation.name):
            return Decision(
                finding.group,
                Rung.DUMMY,
                f"{finding.detail}; allow_dummies has {relation.name}",
                provided_for(relation),
            )
    return None


def _refusal(group: Group, detail: str) -> str:
    if asks_for_toolchain(group):
        return f"{detail}; it is a toolchain, and a dummy never replaces one"
    names = [r.name for r in group.alternatives if not is_toolchain(r.name)]
    return f"{detail}; if the build works without it, add {' or '.join(names)} to allow_dummies"


def _gone(refusals: Sequence[tuple[Group, str]]) -> StepFailed:
    names = ", ".join(f"'{group}'" for group, _ in refusals)
    return StepFailed(
        FailureCode.BUILD_DEPENDS,
        f"apt on this machine cannot provide {len(refusals)} of the build dependencies: {names}",
        excerpt=excerpt(f"{group}: {reason}" for group, reason in refusals),
    )

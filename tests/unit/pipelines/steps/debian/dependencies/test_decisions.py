from __future__ import annotations

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.debian.dependencies.decisions import (
    Finding,
    GroupFinding,
    Rung,
    decide,
    grade,
    groups_on,
)
from pipelines.steps.debian.dependencies.host import architecture_test
from pipelines.steps.debian.dependencies.relations import Group, parse_groups


def finding(field: str, answer: Finding) -> GroupFinding:
    return GroupFinding(group(field), answer, f"apt on {field}")


def group(field: str) -> Group:
    (parsed,) = parse_groups(field, architecture_test("amd64"), ())
    return parsed


MET = finding("doxygen", Finding.MET)
INSTALLABLE = finding("maven (>= 3) | maven3", Finding.INSTALLABLE)
GONE = finding("python (>= 2.7) | python2 (>= 2.7)", Finding.GONE)
GONE_TOOLCHAIN = finding("openjdk-99-jdk | zulu-99", Finding.GONE)


@pytest.mark.parametrize(
    ("findings", "allow_dummies", "allow_forced", "rungs", "worth"),
    [
        ([MET], (), False, [Rung.MET], "clean"),
        ([MET, INSTALLABLE], (), False, [Rung.MET, Rung.APT], "clean"),
        ([INSTALLABLE], ("maven", "maven3"), True, [Rung.APT], "clean"),
        ([MET, GONE], ("python2",), False, [Rung.MET, Rung.DUMMY], "dummied"),
        ([GONE], ("python",), True, [Rung.DUMMY], "dummied"),
        ([GONE], (), True, [Rung.FORCED], "forced"),
        ([GONE, GONE_TOOLCHAIN], ("python", "zulu-99"), True, [Rung.DUMMY, Rung.FORCED], "forced"),
    ],
)
def test_decisions(
    findings: list[GroupFinding],
    allow_dummies: tuple[str, ...],
    allow_forced: bool,
    rungs: list[Rung],
    worth: str,
) -> None:
    decisions = decide(findings, allow_dummies=allow_dummies, allow_forced=allow_forced)

    assert [decision.rung for decision in decisions] == rungs
    assert grade(decisions) == worth
    assert all(decision.reason for decision in decisions)


def test_the_dummy_is_for_the_first_allowed_alternative() -> None:
    (decision,) = decide([GONE], allow_dummies=("python2", "other"), allow_forced=False)

    assert str(decision.provided) == "python2 (= 2.7)"
    assert "allow_dummies has python2" in decision.reason


@pytest.mark.parametrize(
    ("gone", "allow_dummies", "remedy"),
    [
        (GONE, (), "add python or python2 to allow_dummies"),
        (GONE, ("pytho", "python3"), "add python or python2 to allow_dummies"),
        (GONE_TOOLCHAIN, ("openjdk-99-jdk", "zulu-99"), "and a dummy never replaces one"),
        (
            finding("dh-old | debhelper", Finding.GONE),
            ("dh-old",),
            "and a dummy never replaces one",
        ),
        (
            finding("python3-x | python-x", Finding.GONE),
            ("python3-x",),
            "add python-x to allow_dummies",
        ),
    ],
)
def test_refusals(gone: GroupFinding, allow_dummies: tuple[str, ...], remedy: str) -> None:
    with pytest.raises(StepFailed) as caught:
        decide([MET, gone], allow_dummies=allow_dummies, allow_forced=False)

    assert caught.value.code is FailureCode.BUILD_DEPENDS
    assert str(gone.group) in caught.value.message
    assert remedy in caught.value.excerpt
    assert str(MET.group) not in caught.value.message


def test_all_refusals_come_at_once() -> None:
    with pytest.raises(StepFailed, match="2 of the build dependencies") as caught:
        decide([GONE, GONE_TOOLCHAIN], allow_dummies=(), allow_forced=False)

    assert len(caught.value.excerpt.splitlines()) == 2


def test_groups_on_a_rung() -> None:
    decisions = decide([MET, INSTALLABLE], allow_dummies=(), allow_forced=False)

    assert groups_on(Rung.APT, decisions) == (INSTALLABLE.group,)

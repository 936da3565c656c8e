from __future__ import annotations

from typing import Any

import pytest

from pipelines.domain.evidence import (
    RequiredEvidence,
    marks_of,
    missing_evidence,
    number_of_tests,
)


def suite(ran: str, skipped: str = "") -> dict[str, Any]:
    """The values of a step with these tests."""
    names = {"ran": ran.split(), "skipped": skipped.split()}
    count = {"run": len(names["ran"]) + len(names["skipped"]), "skipped": len(names["skipped"])}
    return {"tests": count, "test_names": names}


def packaged(**values: object) -> dict[str, Any]:
    return {"grade": "clean", **values}


def test_tests_of_all_steps_count_without_skipped_ones() -> None:
    values = {"maven": suite("a b", "c"), "own": {"tests": " 4\n"}, "other": {"tests": "many"}}
    assert number_of_tests(values) == 6
    required = RequiredEvidence(tests=7)
    assert missing_evidence(required, values, "") == ["6 tests ran, and 7 are required"]
    assert missing_evidence(RequiredEvidence(tests=6), values, "") == []
    assert missing_evidence(required, {}, "") == ["0 tests ran, and 7 are required"]


def test_a_test_that_ran_before_must_not_be_skipped() -> None:
    required = RequiredEvidence(no_newly_skipped=True)
    before = marks_of({"maven": suite("a b", "c")})
    now = {"maven": suite("a", "b c new")}
    assert missing_evidence(required, now, before) == [
        "1 test that ran in the last good build of the branch was skipped: b"
    ]
    assert missing_evidence(required, now, "") == []
    elsewhere = {"maven": suite("a", "b"), "package": suite("b")}
    assert missing_evidence(required, elsewhere, before) == []
    assert missing_evidence(required, {"own": {"tests": "4"}}, before) == []
    nameless = {"maven": {"tests": {"run": 2, "skipped": 1}}}
    assert missing_evidence(required, nameless, before) == [
        "step maven has not recorded which of its tests were skipped"
    ]


def test_many_skipped_tests_stay_one_line() -> None:
    names = " ".join(f"t{number}" for number in range(9))
    required = RequiredEvidence(no_newly_skipped=True)
    [line] = missing_evidence(required, {"m": suite("", names)}, marks_of({"m": suite(names)}))
    assert line.endswith("9 tests that ran in the last good build of the branch were skipped:"
                         " t0, t1, t2, t3, t4 and 4 more")  # fmt: skip


@pytest.mark.parametrize(
    ("way", "made", "problem"),
    [
        ("root", {"p": packaged(install_test={"installs": True, "how": "in a root"})}, ""),
        ("root", {}, "no step built packages"),
        ("root", {"p": packaged()}, "step p did not test the installation"),
        ("simulated", {"p": packaged(install_test={"installs": False, "how": "x"})}, "cannot be"),
        (
            "root",
            {"p": packaged(install_test={"installs": True, "how": "simulated: no root"})},
            "the installation test of step p was only simulated: no root",
        ),
        ("simulated", {"p": packaged(install_test={"installs": True, "how": "simulated"})}, ""),
    ],
)
def test_the_installation_test(way: Any, made: dict[str, Any], problem: str) -> None:
    found = missing_evidence(RequiredEvidence(install_test=way), made, "")
    assert bool(found) is bool(problem)
    assert all(problem in each for each in found)


def test_dummies_and_left_out_dependencies() -> None:
    required = RequiredEvidence(no_dummy=True)
    made = {"p": packaged(), "q": packaged(grade="dummied"), "r": packaged(grade="forced")}
    assert missing_evidence(required, made, "") == [
        "step q built packages of grade dummied",
        "step r built packages of grade forced",
    ]

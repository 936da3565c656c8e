"""What a pipeline requires as evidence of its success, and whether an attempt has it. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from pipelines.domain.pipeline import Options

TEST_NAMES = "test_names"
"""The value of a step with the names of its tests; too long for the farm's records."""
RAN = "ran"
"""The value of the check with marks of the tests that ran, for the next build of the branch."""
_MARK = 3
"""Bytes of the digest of a test's name: 6,000 tests are 24 kB, and one in 2,800 new names is taken
for another one's."""
_SHOWN = 5

Values = Mapping[str, Mapping[str, Any]]
"""The values of steps, by name."""


class RequiredEvidence(Options):
    """What the results of the steps must show; without it the job fails, whoever built it."""

    tests: int | None = Field(default=None, ge=1)
    """So many tests must have run, in all Maven steps and packagings together; skipped ones do not
    count. A `run` step can count its own in a value `tests`."""
    no_newly_skipped: bool = False
    """No test may be skipped that ran in the last good build of the branch with the pipeline."""
    install_test: Literal["root", "simulated"] | None = None
    """Each packaging must have passed its installation test: in a temporary root, or also
    `simulated`."""
    no_dummy: bool = False
    """No build dependency may be replaced by a dummy package or left out."""

    def __bool__(self) -> bool:
        return self != RequiredEvidence()


def missing_evidence(required: RequiredEvidence, values: Values, last_good: str) -> list[str]:
    """What is missing, one clause each; empty: nothing.

    `last_good` are the marks of the tests that ran in the last good build; "": there is none.
    """
    found = []
    ran = number_of_tests(values)
    if required.tests is not None and ran < required.tests:
        found.append(f"{ran} tests ran, and {required.tests} are required")
    if required.no_newly_skipped:
        found += _newly_skipped(values, last_good)
    if required.install_test:
        found += _not_installed(values, required.install_test)
    if required.no_dummy:
        found += [
            f"step {step} built packages of grade {made['grade']}"
            for step, made in values.items()
            if made.get("grade", "clean") != "clean"
        ]
    return found


def number_of_tests(values: Values) -> int:
    """How many tests of all steps ran, without skipped ones."""
    return sum(map(_count, values.values()))


def marks_of(values: Values) -> str:
    """The marks of the tests that ran in these steps; "" when none has a name."""
    marks = sorted({_mark(name) for names in _names(values, "ran") for name in names})
    return base64.b64encode(b"".join(marks)).decode()


def _count(made: Mapping[str, Any]) -> int:
    match made.get("tests"):
        case {"run": int(run), "skipped": int(skipped)}:
            return run - skipped
        case str(text) if text.strip().isascii() and text.strip().isdecimal():
            return int(text)
    return 0


def _newly_skipped(values: Values, last_good: str) -> list[str]:
    unnamed = [
        step
        for step, made in values.items()
        if isinstance(made.get("tests"), dict) and TEST_NAMES not in made
    ]
    if unnamed:
        return [f"step {unnamed[0]} has not recorded which of its tests were skipped"]
    data = base64.b64decode(last_good)
    before = {data[at : at + _MARK] for at in range(0, len(data), _MARK)}
    now = {name for names in _names(values, "ran") for name in names}
    skipped = {name for names in _names(values, "skipped") for name in names}
    lost = sorted(name for name in skipped - now if _mark(name) in before)
    if not lost:
        return []
    more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
    tests = "1 test" if len(lost) == 1 else f"{len(lost)} tests"
    return [
        f"{tests} that ran in the last good build of the branch"
        f" {'was' if len(lost) == 1 else 'were'} skipped: {', '.join(lost[:_SHOWN])}{more}"
    ]


def _not_installed(values: Values, way: str) -> list[str]:
    packagings = {step: made for step, made in values.items() if "grade" in made}
    if not packagings:
        return ["no step built packages whose installation was tested"]
    found = []
    for step, made in packagings.items():
        test = made.get("install_test") or {}
        how = str(test.get("how") or "")
        if not test:
            found.append(f"step {step} did not test the installation of its packages")
        elif test.get("installs") is not True:
            found.append(f"the packages of step {step} cannot be installed")
        elif way == "root" and how.startswith("simulated"):
            found.append(f"the installation test of step {step} was only {how}")
    return found


def _names(values: Values, kind: str) -> Iterable[Iterable[str]]:
    return (made[TEST_NAMES].get(kind, ()) for made in values.values() if TEST_NAMES in made)


def _mark(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:_MARK]

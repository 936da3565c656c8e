"""A summary of the XML reports of Maven's test plugins.

Format: `TEST-*.xml` of maven-surefire-plugin and maven-failsafe-plugin, one `testsuite` each
(https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report-3.0.xsd).
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from pipelines.domain.evidence import TEST_NAMES

_REPORT_FOLDERS = ("surefire-reports", "failsafe-reports")
_NOT_SEARCHED = frozenset({".git", "src", "node_modules", "classes", "test-classes"})
_CLOCK_STEP = 0.05  # file times are those of the kernel's last tick
_MAX_NAMES = 20
_MAX_CAUSE = 200
_CAUSED_BY = re.compile(r"^Caused by: (.+)", re.MULTILINE)
"""In a stack trace; the last one is the first cause."""


@dataclass(frozen=True, slots=True)
class FailedTest:
    """A test that did not pass."""

    name: str
    """`package.Class.method`."""
    message: str


@dataclass(frozen=True, slots=True)
class SurefireResults:
    """Tests of all modules together."""

    run: int = 0
    skipped: int = 0
    flaky: tuple[str, ...] = ()
    """Names of tests that passed only in a rerun (rerunFailingTestsCount)."""
    failed: tuple[FailedTest, ...] = ()
    taken: int = 0
    """How many of them an earlier build ran, whose results were used."""
    ran_names: tuple[str, ...] = ()
    skipped_names: tuple[str, ...] = ()

    def __add__(self, other: SurefireResults) -> SurefireResults:
        return SurefireResults(
            self.run + other.run,
            self.skipped + other.skipped,
            self.flaky + other.flaky,
            self.failed + other.failed,
            self.taken + other.taken,
            self.ran_names + other.ran_names,
            self.skipped_names + other.skipped_names,
        )

    def values(self) -> dict[str, Any]:
        """Counts, and the first names, as JSON data."""
        return {
            "run": self.run,
            "skipped": self.skipped,
            "failed": len(self.failed),
            "flaky": len(self.flaky),
            "failed_tests": [test.name for test in self.failed[:_MAX_NAMES]],
            "flaky_tests": list(self.flaky[:_MAX_NAMES]),
            **({"taken": self.taken} if self.taken else {}),
        }

    def results(self) -> dict[str, Any]:
        """The values of a step that ran them; empty when none ran."""
        if not self.run:
            return {}
        names = {"ran": list(self.ran_names), "skipped": list(self.skipped_names)}
        return {"tests": self.values(), TEST_NAMES: names}

    def words(self) -> str:
        """`12 tests passed`, with the others; empty when none ran."""
        if not self.run:
            return ""
        more = [
            f"{count} {what}"
            for count, what in (
                (len(self.failed), "failed"),
                (len(self.flaky), "flaky"),
                (self.skipped, "skipped"),
                (self.taken, "taken from earlier builds"),
            )
            if count
        ]
        passed = self.run - self.skipped - len(self.failed)
        tests = "1 test" if passed == 1 else f"{passed} tests"
        but = f" ({', '.join(more)})" if more else ""
        return f"{tests} passed{but}"


def read_test_results(source: Path, since: float, kept: Collection[Path] = ()) -> SurefireResults:
    """Results below `source` that were written at or after `since` (seconds of the epoch).

    `kept` are the build folders of modules that an earlier build made and tested. A report that is
    cut short, as by a killed build, counts up to the cut.
    """
    results = SurefireResults()
    for report in sorted(_reports(source)):
        if report.stat().st_mtime >= since - _CLOCK_STEP:
            found = _read(report)
            is_kept = any(report.is_relative_to(folder) for folder in kept)
            results += replace(found, taken=found.run) if is_kept else found
    return results


def _reports(source: Path) -> Iterator[Path]:
    for folder, inner, files in os.walk(source):
        inner[:] = [name for name in inner if name not in _NOT_SEARCHED]
        if folder.endswith(_REPORT_FOLDERS):
            yield from (Path(folder, name) for name in files if _is_report(name))


def _is_report(name: str) -> bool:
    return name.startswith("TEST-") and name.endswith(".xml")


def _read(report: Path) -> SurefireResults:
    results = SurefireResults()
    try:
        # Expat (2.4 and later) refuses entities that blow up, and a case at a time is in memory.
        for _, element in ET.iterparse(report):  # noqa: S314
            if element.tag == "testcase":
                results += _case(element)
                element.clear()
    except ET.ParseError:
        return results
    return results


def _case(case: ET.Element) -> SurefireResults:
    tags = {element.tag for element in case}
    failed = case.find("failure")
    failed = case.find("error") if failed is None else failed
    name = ".".join(part for part in (case.get("classname"), case.get("name")) if part)
    if failed is None:
        flaky = (name,) if tags & {"flakyFailure", "flakyError"} else ()
        if "skipped" in tags:
            return SurefireResults(1, 1, flaky, skipped_names=(name,))
        return SurefireResults(1, 0, flaky, ran_names=(name,))
    message = failed.get("message") or next(iter((failed.text or "").splitlines()), "")
    causes = _CAUSED_BY.findall(failed.text or "")
    if causes and causes[-1] not in message:
        message = f"{message} (caused by {causes[-1][:_MAX_CAUSE]})"
    return SurefireResults(1, failed=(FailedTest(name, message),))

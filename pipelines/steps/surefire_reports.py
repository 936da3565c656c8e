"""The XML reports that Maven's test plugins leave, summed up.

Format: `TEST-*.xml` of maven-surefire-plugin and maven-failsafe-plugin, one `testsuite` each
(https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report-3.0.xsd).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

_REPORT_FOLDERS = ("surefire-reports", "failsafe-reports")
_NOT_SEARCHED = frozenset({".git", "src", "node_modules", "classes", "test-classes"})
_CLOCK_STEP = 1.0


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
    flaky: int = 0
    """Passed only when they were run again."""
    failed: tuple[FailedTest, ...] = ()

    def __add__(self, other: SurefireResults) -> SurefireResults:
        return SurefireResults(
            self.run + other.run,
            self.skipped + other.skipped,
            self.flaky + other.flaky,
            self.failed + other.failed,
        )


def read_test_results(source: Path, since: float) -> SurefireResults:
    """Results below `source` that were written at or after `since` (seconds of the epoch).

    A report that is cut short, as by a killed build, counts up to the cut.
    """
    results = SurefireResults()
    for report in sorted(_reports(source)):
        if report.stat().st_mtime >= since - _CLOCK_STEP:
            results += _read(report)
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
    if failed is None:
        flaky = bool(tags & {"flakyFailure", "flakyError"})
        return SurefireResults(1, "skipped" in tags, flaky)
    name = ".".join(part for part in (case.get("classname"), case.get("name")) if part)
    message = failed.get("message") or next(iter((failed.text or "").splitlines()), "")
    return SurefireResults(1, failed=(FailedTest(name, message),))

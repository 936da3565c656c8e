from __future__ import annotations

import os
from pathlib import Path

from pipelines.steps.maven.output.surefire import FailedTest, SurefireResults, read_test_results

REPORT = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="t.CoreTest" tests="5" errors="1" skipped="1" failures="1" flakes="1">
  <properties><property name="a" value="b"/></properties>
  <testcase name="one" classname="t.CoreTest" time="0.1"/>
  <testcase name="two" classname="t.CoreTest"><failure message="expected:&lt;2&gt;" type="x">at</failure></testcase>
  <testcase name="three" classname="t.CoreTest"><error type="x">java.lang.Error
    at t.CoreTest</error></testcase>
  <testcase name="four" classname="t.CoreTest"><skipped/></testcase>
  <testcase name="five" classname="t.CoreTest"><flakyFailure message="now and then"/></testcase>
</testsuite>
"""  # noqa: E501


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_reports_of_all_modules(tmp_path: Path) -> None:
    write(tmp_path / "a/target/surefire-reports/TEST-t.CoreTest.xml", REPORT)
    write(tmp_path / "b/c/target/failsafe-reports/TEST-t.IT.xml", REPORT)
    write(tmp_path / "a/target/surefire-reports/t.CoreTest.txt", "no report")
    write(tmp_path / "a/src/test/surefire-reports/TEST-x.xml", REPORT)

    results = read_test_results(tmp_path, since=0)

    assert (results.run, results.skipped, results.flaky) == (10, 2, ("t.CoreTest.five",) * 2)
    assert results.failed[:2] == (
        FailedTest("t.CoreTest.two", "expected:<2>"),
        FailedTest("t.CoreTest.three", "java.lang.Error"),
    )


def test_the_first_cause_of_an_exception_is_told(tmp_path: Path) -> None:
    trace = """x.Outer: cannot start
\tat t.CoreTest.one(CoreTest.java:3)
\tSuppressed: x.Later: cannot stop
\tCaused by: x.Other: no
Caused by: x.Middle: no connection
\t... 3 more
Caused by: x.Inner: port 5432 is closed
\t... 4 more
"""
    case = (
        f'<testcase name="one" classname="t.CoreTest"><error message="cannot start">{trace}</error>'
    )
    report = f"<testsuite>{case}</testcase></testsuite>"
    write(tmp_path / "target/surefire-reports/TEST-x.xml", report)

    (failed,) = read_test_results(tmp_path, since=0).failed

    assert failed.message == "cannot start (caused by x.Inner: port 5432 is closed)"


def test_reports_of_an_earlier_build_do_not_count(tmp_path: Path) -> None:
    old = write(tmp_path / "target/surefire-reports/TEST-old.xml", REPORT)
    os.utime(old, (1000, 1000))
    assert read_test_results(tmp_path, since=2000) == SurefireResults()


def test_a_report_that_was_cut_counts_up_to_the_cut(tmp_path: Path) -> None:
    write(tmp_path / "target/surefire-reports/TEST-x.xml", REPORT[: REPORT.index("<error")])
    assert read_test_results(tmp_path, since=0).run == 2


def test_no_reports(tmp_path: Path) -> None:
    assert read_test_results(tmp_path, since=0) == SurefireResults()

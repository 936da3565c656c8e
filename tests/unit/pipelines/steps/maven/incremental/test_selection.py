"""What events tell of the modules that were built and those that were kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.maven.incremental.selection import (
    KeptModule,
    Selection,
    selection_of,
    unresolved,
)
from pipelines.steps.maven.options import MavenOptions
from pipelines.steps.maven.output.events import BuildEvents, Origin, read_events
from pipelines.steps.maven.output.log import ModuleResult

PLAN = """\
1000\trun
1000\tplanned\tg:parent\t/s/pom.xml\tParent
1000\tplanned\tg:a\t/s/a/pom.xml\tA
1000\tplanned\tg:b\t/s/b/pom.xml\tB
1000\tplanned\tg:c\t/s/c/pom.xml\tC
"""
KEPT = f"1100\tbuilds\tg:a\t/s/a/target\n1100\tleft\tg:a\tkey-a\told\t{'4' * 40}\n"
ORIGIN = Origin("key-a", "old", "4" * 40)


def module(name: str, end: str = "succeeded", at: int = 2000) -> str:
    file = f"{at}\tfile\tg:{name}\t/r/{name}.jar\n"
    return f"{at - 500}\tstarted\tg:{name}\n{file}{at}\t{end}\tg:{name}\n"


def events_of(*parts: str) -> BuildEvents:
    return read_events("".join((PLAN, *parts)).splitlines(keepends=True))


def test_what_modules_did() -> None:
    events = events_of(
        module("parent"),
        module("a", "failed"),
        "1500\twhy\tg:c\ta/x changed\n",
        "2100\tstarted\tg:c\n",
        "2100\tskipped\tg:b\n",
        "2100\tsucceeded\tg:c",  # cut by a kill
    )
    assert [m.result for m in events.modules.values()] == [
        ModuleResult.SUCCESS,
        ModuleResult.FAILURE,
        ModuleResult.SKIPPED,
        None,
    ]
    assert [m.name for m in events.modules.values() if m.run == 1] == ["Parent", "A", "C"]
    assert events.modules["g:a"].times == {1: 0.5}
    assert events.modules["g:parent"].files == [Path("/r/parent.jar")]
    assert events.modules["g:c"].why == "a/x changed"
    assert events.succeeded is None


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ("old", "built by an earlier try of this job"),
        ("new", "unchanged since commit 444444444444, built by job old"),
    ],
)
def test_modules_that_were_kept(job: str, reason: str) -> None:
    events = events_of(KEPT, module("b"), "3000\topen\tg:c\texec\n")
    assert selection_of(events, 0, job, "x", is_surprise=True) == Selection(
        "1 modules are already built", (KeptModule("A", reason, ORIGIN),), {"C": "exec"}
    )
    assert events.kept_folders() == (Path("/s/a/target"),)


def test_a_module_that_one_of_several_runs_built_is_not_kept() -> None:
    events = events_of(module("a"), "3000\trun\n", KEPT)
    assert selection_of(events, 0, "new", "", is_surprise=False).left_out == ()
    assert events.kept_folders() == ()


def test_why_nothing_was_kept() -> None:
    events = events_of(module("a"))
    assert selection_of(events, 0, "j", "x", is_surprise=True) == Selection("x", is_surprise=True)
    told = selection_of(events, 0, "j", "", is_surprise=True)
    assert (told.reason, told.is_surprise) == ("no results are kept of these inputs", False)
    events = events_of("1001\tall\tsite does more than build\n", module("a"))
    assert selection_of(events, 0, "j", "", is_surprise=True).reason == "site does more than build"


def test_a_failure_that_kept_modules_caused() -> None:
    missing = StepFailed(FailureCode.MAVEN_DEPENDENCY, "cannot find g:a:jar:1.0")
    assert unresolved(events_of(KEPT), missing) == "cannot resolve g:a, which was skipped"
    assert unresolved(events_of(), missing) == ""
    assert unresolved(events_of(KEPT), StepFailed(FailureCode.MAVEN_COMPILE, "g:a:")) == ""
    stale = events_of(KEPT, "9\tstale\tg:a\ta/x.js\n")
    told = "a/x.js of A changed during the build"
    assert unresolved(stale, StepFailed(FailureCode.MAVEN_COMPILE, "x")) == told


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, None),
        ({"goals": ["clean", "install"]}, None),
        ({"incremental": "off"}, "incremental is off"),
        ({"local_repository": "shared"}, "the local repository is shared with other jobs"),
        ({"goals": ["package"]}, "package does more than install"),
        ({"goals": ["install", "site:site"]}, "install site:site does more than install"),
        ({"extra_args": ["-fae"]}, None),
        ({"extra_args": ["-pl", "a"]}, "extra_args have -pl"),
        ({"extra_args": ["--projects=a"]}, "extra_args have --projects=a"),
    ],
)
def test_when_modules_may_be_left_out(options: dict[str, object], why: str | None) -> None:
    assert MavenOptions.model_validate(options).why_not_incremental == why

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.steps.maven.incremental.selection import not_yet_built
from pipelines.steps.maven.options import MavenOptions
from pipelines.steps.maven.output.events import BuildEvents, read_events
from pipelines.steps.maven.output.log import ModuleResult

PLAN = """\
key 0123 boot 1.0
1000\trun
1000\tplanned\tg:parent\t/s/pom.xml\tpom\t\tParent
1000\tplanned\tg:a\t/s/a/pom.xml\tjar\tg:parent\tA
1000\tplanned\tg:b\t/s/b/pom.xml\tjar\tg:parent,g:a\tB
1000\tplanned\tg:c\t/s/c/pom.xml\tjar\tg:parent\tC
"""


def module(name: str, end: str = "succeeded", at: int = 2000) -> str:
    file = f"{at}\tfile\tg:{name}\t/s/{name}.jar\t/r/{name}.jar\t10\t99\n"
    return f"{at - 500}\tstarted\tg:{name}\n{file}{at}\t{end}\tg:{name}\n"


def events_of(*parts: str) -> BuildEvents:
    return read_events("".join((PLAN, *parts)).splitlines(keepends=True))


def intact(path: Path) -> tuple[int, int] | None:
    return (10, 99)


DONE = (module("parent"), module("a"), module("b"), module("c"))


def test_what_modules_did() -> None:
    events = events_of(
        module("parent"),
        module("a", "failed"),
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
    assert events.modules["g:a"].seconds == 0.5
    assert events.succeeded is None


def test_modules_that_did_not_succeed_are_built() -> None:
    """With -T, b failed while c was built: -rf :b would leave c out."""
    events = events_of(module("parent"), module("a"), "2100\tstarted\tg:c\n", module("b", "failed"))
    selection = not_yet_built(events, intact, {})
    assert selection.only == ("g:b", "g:c")
    assert list(selection.left_out) == ["Parent", "A"]


def test_a_later_run_counts() -> None:
    begun_again = "3000\trun\n3000\tstarted\tg:a\n"
    selection = not_yet_built(events_of(*DONE, begun_again), intact, {})
    assert selection.only == ("g:a",)


def test_nothing_is_built_when_all_is() -> None:
    ended = "2100\tended\tsucceeded\n"
    assert not_yet_built(events_of(*DONE, ended), intact, {}).nothing


def test_everything_is_built_when_maven_did_not_end_well() -> None:
    selection = not_yet_built(events_of(*DONE, "2100\tended\tfailed\n"), intact, {})
    assert (selection.only, selection.nothing, selection.left_out) == ((), False, {})


@pytest.mark.parametrize("lost", ["/s/a.jar", "/r/a.jar"])
def test_a_module_whose_file_is_gone_is_built(lost: str) -> None:
    def stat(path: Path) -> tuple[int, int] | None:
        return None if path == Path(lost) else (10, 99)

    assert not_yet_built(events_of(*DONE), stat, {}).only == ("g:a",)


def test_a_newer_source_is_built_with_all_that_need_it() -> None:
    assert not_yet_built(events_of(*DONE), intact, {"g:a": 2001}).only == ("g:a", "g:b")
    assert not_yet_built(events_of(*DONE), intact, {"g:parent": 2001}).only == ()


def test_a_module_that_names_no_file_is_built() -> None:
    silent = "1500\tstarted\tg:a\n2000\tsucceeded\tg:a\n"
    assert not_yet_built(events_of(*DONE, silent), intact, {}).only == ("g:a",)


def test_nothing_known() -> None:
    assert not_yet_built(read_events([]), intact, {}).only == ()
    assert not not_yet_built(read_events([]), intact, {}).nothing


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, None),
        ({"goals": ["clean", "install"]}, None),
        ({"incremental": "off"}, "incremental is off"),
        ({"local_repository": "shared"}, "the local repository is shared with other jobs"),
        ({"goals": ["package"]}, "package does not just install"),
        ({"goals": ["install", "site:site"]}, "install site:site does not just install"),
        ({"extra_args": ["-fae"]}, None),
        ({"extra_args": ["-pl", "a"]}, "extra_args have -pl"),
        ({"extra_args": ["--projects=a"]}, "extra_args have --projects=a"),
    ],
)
def test_when_modules_may_be_left_out(options: dict[str, object], why: str | None) -> None:
    assert MavenOptions.model_validate(options).why_not_incremental == why

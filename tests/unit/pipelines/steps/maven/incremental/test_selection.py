from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.steps.maven.incremental.selection import (
    Selection,
    can_be_given_away,
    is_built,
    readers_of_others,
    selection_of,
    written_into_left_out,
)
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
    known = (
        f"{at - 500}\tdigest\tg:{name}\td-{name}\n{at - 500}\tbuilds\tg:{name}\t/s/{name}/target\n"
    )
    start, target = f"{at - 500}\tstarted\tg:{name}\n", f"{at}\ttarget\tg:{name}\tt\n"
    return f"{known}{start}{file}{target}{at}\t{end}\tg:{name}\n"


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
    assert events.modules["g:a"].times == {1: 0.5}
    assert events.succeeded is None


def built(events: BuildEvents) -> set[str]:
    modules = events.modules.values()
    return {module.name for module in modules if is_built(module, intact, lambda _: "t")}


def test_modules_that_did_not_succeed_are_not_built() -> None:
    """With -T, b failed while c was built: -rf :b would leave c out."""
    events = events_of(module("parent"), module("a"), "2100\tstarted\tg:c\n", module("b", "failed"))
    assert built(events) == {"Parent", "A"}


def test_a_later_run_counts() -> None:
    begun_again = "3000\trun\n3000\tstarted\tg:a\n"
    assert built(events_of(*DONE, begun_again)) == {"Parent", "B", "C"}


def test_a_digest_counts_from_the_start_of_the_build_that_it_is_of() -> None:
    killed_before_its_turn = "3000\trun\n3000\tdigest\tg:a\tnew\n"
    assert events_of(*DONE, killed_before_its_turn).modules["g:a"].built_digest == "d-a"


@pytest.mark.parametrize("lost", ["/s/a.jar", "/r/a.jar", "/s/a/generated"])
def test_a_module_of_which_a_file_is_gone_is_not_built(lost: str) -> None:
    def stat(path: Path) -> tuple[int, int] | None:
        return None if path == Path(lost) else (10, 99)

    wrote = "2000\twrote\tg:a\t/s/a/generated\t10\t99\n"
    a = events_of(*DONE, wrote).modules["g:a"]
    assert is_built(a, intact, lambda _: "t")
    assert not is_built(a, stat, lambda _: "t")
    assert not is_built(a, intact, lambda _: "another")


def test_a_module_that_names_no_file_is_not_built() -> None:
    silent = "1500\tstarted\tg:a\n2000\tsucceeded\tg:a\n"
    assert built(events_of(*DONE, silent)) == {"Parent", "B", "C"}


def test_what_the_latest_run_left_out() -> None:
    events = events_of(*DONE, "3000\trun\n3000\tleft\tg:a\tbuilt before\n3000\topen\tg:c\texec\n")
    assert selection_of(events, "x", is_surprise=True) == Selection(
        "1 modules are already built", {"A": "built before"}, {"C": "exec"}
    )
    events = events_of(*DONE)
    assert selection_of(events, "x", is_surprise=True) == Selection("x", is_surprise=True)
    assert selection_of(events, "", is_surprise=False).reason == "no module has been built"


WRITES = "2000\twrote\tg:c\t{path}\t10\t99\n"


@pytest.mark.parametrize(
    ("path", "reader"),
    [
        ("/s/a/src/x.js", "g:a"),
        ("/s/b/target/x", "g:b"),
        ("/s/shared/x", "g:b"),
        ("/s/x", "g:parent"),
        ("/elsewhere/x", None),
    ],
)
def test_who_reads_what_a_module_wrote(path: str, reader: str | None) -> None:
    reads = "2000\treads\tg:b\t/s/shared\n"
    done = events_of(*DONE, reads, WRITES.format(path=path))
    found = readers_of_others(done.modules.values())
    found.pop("g:parent", None) if reader == "g:b" else None
    assert found == ({reader: {"g:c"}} if reader else {})


def test_what_is_written_into_a_module_that_is_left_out() -> None:
    again = "3000\trun\n3000\tleft\tg:a\tbefore\n3000\tstarted\tg:c\n"
    events = events_of(*DONE, again, WRITES.format(path="/s/a/src/x.js"))
    assert written_into_left_out(events) == "C wrote x.js into A"
    events = events_of(*DONE, again, WRITES.format(path="/s/b/src/x.js"))
    assert written_into_left_out(events) == ""
    assert written_into_left_out(events_of(*DONE)) == ""


def test_what_is_open_or_wrote_elsewhere_is_no_other_commits() -> None:
    done = events_of(*DONE, "1\topen\tg:a\texec\n", WRITES.format(path="/s/c/x"))
    modules = done.modules.values()
    assert {m.name for m in modules if can_be_given_away(m)} == {"Parent", "B"}


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

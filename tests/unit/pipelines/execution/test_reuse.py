"""What a job takes from another one on the same builder, with real scripts in real checkouts."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from pipelines.domain.errors import StepFailed
from pipelines.steps.run import RUN
from tests.conftest import await_that, git
from tests.support.pipelines.recorded_steps import Bench

ALL = ["git-checkout", "copy", "last"]
COARSE_CLOCK = 5
"""Linux's CLOCK_REALTIME_COARSE, from which files have their times."""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path, RUN)
    bench.step("copy", "cp a.txt copy.txt")
    bench.step("last", "cat copy.txt; date +%N > last.txt")
    return bench


def test_another_job_of_the_same_commit_makes_nothing_again(bench: Bench) -> None:
    commit = bench.commit({"a.txt": "1"})
    assert bench.build("one", commit) == ALL
    assert bench.build("two", commit) == []
    assert bench.reasons["last"] == "taken from job one, where its inputs were the same"
    assert (bench.workspace("two").source / "copy.txt").read_text() == "1"
    shutil.rmtree(bench.workspace("one").root)
    assert bench.build("three", commit) == [], "what was taken is given on"


def test_what_was_taken_is_the_jobs_own(bench: Bench) -> None:
    commit = bench.commit({"a.txt": "1"})
    bench.build("one", commit)
    bench.build("two", commit)
    copy = bench.workspace("two").source / "copy.txt"
    with copy.open("r+") as stream:
        stream.write("2")
    assert (bench.workspace("one").source / "copy.txt").read_text() == "1"
    shutil.rmtree(bench.workspace("one").root)
    assert bench.build("two", commit) == []


def test_another_commit_with_the_same_tree_is_only_checked_out(bench: Bench) -> None:
    first = bench.commit({"a.txt": "1"})
    bench.build("one", first)
    other = bench.commit({}, message="nothing new")
    assert bench.build("two", other) == ["git-checkout"]
    source = bench.workspace("two").source
    assert git("-C", str(source), "rev-parse", "HEAD") == other
    assert (source / "copy.txt").read_text() == "1"
    assert git("-C", str(source), "status", "--porcelain", "--untracked-files=no") == ""
    assert bench.build("two", other) == []


def test_another_tree_takes_only_steps_whose_inputs_are_the_same(bench: Bench) -> None:
    bench.steps[1:] = []
    bench.step("docs", "cat docs/* > docs.out", inputs=("docs/**",), outputs=("docs.out",))
    bench.step("code", "cat a.txt > code.out", inputs=("a.txt",), outputs=("code.out",))
    bench.step("whole", "ls", needs=("git-checkout",))
    first = bench.commit({"a.txt": "1", "docs/d.txt": "1"})
    bench.build("one", first)
    other = bench.commit({"a.txt": "2"})
    assert bench.build("two", other) == ["git-checkout", "code", "whole"]
    assert (bench.workspace("two").source / "docs.out").read_text() == "1"
    assert (bench.workspace("two").source / "code.out").read_text() == "2"


def test_a_failed_job_gives_what_it_made(bench: Bench, tmp_path: Path) -> None:
    commit = bench.commit({"a.txt": "1"})
    bench.steps.pop()
    bench.step("last", f"test -e {tmp_path}/gate")
    with pytest.raises(StepFailed):
        bench.build("one", commit)
    (tmp_path / "gate").touch()
    assert bench.build("two", commit) == ["last"]


def test_a_tree_on_which_another_script_was_at_work_is_not_taken(bench: Bench) -> None:
    commit = bench.commit({"a.txt": "1"})
    bench.steps.pop()
    bench.step("last", "echo bumped >> a.txt; false")
    with pytest.raises(StepFailed):
        bench.build("one", commit)
    bench.steps.pop()
    bench.step("last", "cp a.txt last.txt")
    assert bench.build("two", commit) == ALL
    assert (bench.workspace("two").source / "last.txt").read_text() == "1"

    bench.steps.pop()
    assert bench.build("three", commit) == ALL[:2], "what a step made that is no more"


def await_tick() -> None:
    now = time.time()
    await_that(lambda: time.clock_gettime(COARSE_CLOCK) > now, "the clock of files ticks")


@pytest.mark.parametrize("same_tree", [False, True])
def test_a_tree_on_which_a_person_was_at_work_is_not_taken(bench: Bench, same_tree: bool) -> None:
    commit = bench.commit({"a.txt": "1", "b/c.txt": "1"})
    bench.build("one", commit)
    by_hand = bench.workspace("one").source / "a.txt"
    await_tick()
    by_hand.write_text("2")
    os.utime(by_hand, (0, 0))
    commit = bench.commit({}, message="nothing new") if same_tree else commit
    assert bench.build("two", commit) == ALL
    assert (bench.workspace("two").source / "copy.txt").read_text() == "1"

    await_tick()
    (bench.workspace("two").source / "b/c.txt").unlink()
    assert bench.build("three", commit) == ALL


def test_other_params_take_nothing(bench: Bench) -> None:
    commit = bench.commit({"a.txt": "1"})
    bench.build("one", commit, params={"suite": "bookworm"})
    assert bench.build("two", commit, params={"suite": "trixie"}) == ALL


def test_a_result_that_was_changed_is_not_taken(bench: Bench) -> None:
    bench.steps[1:] = []
    bench.step("docs", "cat a.txt > docs.out", inputs=("a.txt",), outputs=("docs.out",))
    bench.build("one", bench.commit({"a.txt": "1", "b.txt": "1"}))
    (bench.workspace("one").source / "docs.out").write_text("other")
    other = bench.commit({"b.txt": "2"})
    assert bench.build("two", other) == ["git-checkout", "docs"]


def test_what_a_killed_copy_left_is_gone(bench: Bench) -> None:
    commit = bench.commit({"a.txt": "1"})
    bench.build("one", commit)
    half = bench.workspace("two").root / "arriving" / "build"
    half.mkdir(parents=True)
    (half / "rest").write_text("of a killed copy")
    assert bench.build("two", commit) == []
    assert not (bench.workspace("two").root / "build" / "rest").exists()


def test_another_branch_takes_only_what_does_not_name_it(bench: Bench) -> None:
    bench.step("name", "echo $BUILD_BRANCH > name.txt")
    commit = bench.commit({"a.txt": "1"})
    bench.build("one", commit)
    assert bench.build("two", commit, branch="release") == ["git-checkout", "name"]
    assert bench.reasons["name"] == "inputs: $BUILD_BRANCH was main, is release"
    assert (bench.workspace("two").source / "name.txt").read_text() == "release\n"
    assert bench.build("two", commit, branch="release") == []


def test_a_checkout_gives_the_branch_of_its_own_job(bench: Bench) -> None:
    given = {"GIVEN": "${{ steps.git-checkout.outputs.branch }}"}
    bench.step("given", "echo $GIVEN > given.txt", env=given)
    commit = bench.commit({"a.txt": "1"})
    bench.build("one", commit)
    bench.build("two", commit, branch="release")
    assert (bench.workspace("two").source / "given.txt").read_text() == "release\n"


def test_another_commit_with_the_same_tree_repeats_what_names_the_commit(bench: Bench) -> None:
    bench.step("version", "echo $BUILD_COMMIT > version.txt")
    bench.build("one", bench.commit({"a.txt": "1"}))
    other = bench.commit({}, message="nothing new")
    assert bench.build("two", other) == ["git-checkout", "version"]
    assert (bench.workspace("two").source / "version.txt").read_text() == f"{other}\n"

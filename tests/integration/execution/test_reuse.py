"""What a job takes from another one on the same builder, with real scripts in real checkouts."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pipelines.domain.errors import StepFailed
from pipelines.steps.run import RUN
from tests.conftest import git
from tests.support.pipelines.recorded_steps import Bench

OUTPUTS = {"inputs": ("a.txt",), "outputs": ("out/*.txt",)}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path, RUN)
    bench.step("copy", "mkdir -p out; cp a.txt out/copy.txt", **OUTPUTS)
    bench.step("last", "cat out/copy.txt; date +%N > last.txt")
    return bench


def test_another_job_takes_the_outputs_that_are_named_and_nothing_else(bench: Bench) -> None:
    commit = bench.commit({"a.txt": "1"})
    assert bench.build("one", commit) == ["git-checkout", "copy", "last"]
    assert bench.build("two", commit) == ["git-checkout", "last"]
    told = "outputs reused from job one, which had the same inputs"
    assert bench.reasons["copy"] == told
    assert (bench.workspace("two").source / "out" / "copy.txt").read_text() == "1"
    assert bench.build("two", commit) == []
    shutil.rmtree(bench.workspace("one").root)
    assert bench.build("three", commit) == ["git-checkout", "last"], "what was taken is given on"
    assert bench.reasons["copy"] == told


@pytest.mark.parametrize(
    ("script", "more"),
    [
        ("cp a.txt copy.txt", {}),
        ("cp a.txt copy.txt", {"outputs": ("copy.txt",), "needs": ("last",)}),
        ("cat a.txt", {"inputs": ("a.txt",)}),
        ("cp a.txt out/copy.txt; cp a.txt more.txt", OUTPUTS),
        ("cp a.txt out/copy.txt; echo >> b.txt", OUTPUTS),
        ("cp a.txt out/copy.txt; rm b.txt", OUTPUTS),
        ("cp a.txt out/copy.txt; git tag x", OUTPUTS),
        ("cp a.txt out/copy.txt; git rm --cached b.txt", OUTPUTS),
    ],
)
def test_what_a_step_does_not_name_is_not_taken(
    bench: Bench, script: str, more: dict[str, tuple[str, ...]]
) -> None:
    bench.step("step", script, **more)
    commit = bench.commit({"a.txt": "1", "b.txt": "1"})
    bench.build("one", commit)
    assert "step" in bench.build("two", commit)
    assert bench.build("two", commit) == []


def test_others_take_nothing_from_a_job_that_is_not_trusted(bench: Bench) -> None:
    bench.trusted = ("main", "4.*")
    commit = bench.commit({"a.txt": "1"})
    git("-C", str(bench.source), "checkout", "--quiet", "-b", "feature")
    theirs = bench.commit({"a.txt": "2"})
    git("-C", str(bench.source), "checkout", "--quiet", "main")
    every = ["git-checkout", "copy", "last"]

    assert bench.build("of-feature", theirs, branch="feature") == every
    assert bench.build("named-main", theirs, branch="main") == every, "main has no such commit"
    merged = bench.commit({"a.txt": "2"})
    assert bench.build("of-main", merged, branch="main") == every
    assert bench.build("again", merged, branch="main") == ["git-checkout", "last"]
    assert bench.build("reads", theirs, branch="feature") == ["git-checkout", "last"]
    assert bench.build("of-nobody", commit, branch=None) == every


def test_outputs_of_the_whole_commit_are_taken_when_nothing_else_made_the_tree(
    bench: Bench,
) -> None:
    bench.steps[1:] = []
    bench.step("copy", "cp a.txt copy.txt", outputs=("copy.txt",))
    commit = bench.commit({"a.txt": "1"})
    bench.build("one", commit)
    assert bench.build("two", commit) == ["git-checkout"]
    assert bench.build("three", bench.commit({}, message="another")) == ["git-checkout", "copy"]


def test_what_was_taken_is_the_jobs_own(bench: Bench) -> None:
    commit = bench.commit({"a.txt": "1"})
    bench.build("one", commit)
    bench.build("two", commit)
    copy = bench.workspace("two").source / "out" / "copy.txt"
    with copy.open("r+") as stream:
        stream.write("2")
    assert (bench.workspace("one").source / "out" / "copy.txt").read_text() == "1"


def test_what_was_taken_is_newer_than_the_source(bench: Bench) -> None:
    """As on a builder that has made it: a tool that compares times does not make it again."""
    commit = bench.commit({"a.txt": "1"})
    bench.build("one", commit)
    bench.build("two", commit)
    source = bench.workspace("two").source
    assert (source / "out/copy.txt").stat().st_mtime_ns > (source / "a.txt").stat().st_mtime_ns


def test_another_commit_takes_only_steps_whose_inputs_are_the_same(bench: Bench) -> None:
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


def test_a_failed_job_gives_the_outputs_that_it_made(bench: Bench, tmp_path: Path) -> None:
    commit = bench.commit({"a.txt": "1"})
    bench.step("gate", f"echo more >> a.txt; test -e {tmp_path}/gate")
    with pytest.raises(StepFailed):
        bench.build("one", commit)
    (tmp_path / "gate").touch()
    assert bench.build("two", commit) == ["git-checkout", "last", "gate"]
    assert (bench.workspace("two").source / "a.txt").read_text() == "1more\n"


def test_other_params_take_nothing(bench: Bench) -> None:
    commit = bench.commit({"a.txt": "1"})
    bench.build("one", commit, params={"suite": "bookworm"})
    assert "copy" in bench.build("two", commit, params={"suite": "trixie"})


@pytest.mark.parametrize("is_restarted", [False, True])
def test_outputs_that_were_changed_are_not_taken(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, is_restarted: bool
) -> None:
    commit = bench.commit({"a.txt": "1"})
    bench.build("one", commit)
    made = bench.workspace("one").source / "out" / "copy.txt"
    times = made.stat()
    made.write_text("2")
    if is_restarted:
        os.utime(made, ns=(times.st_atime_ns, times.st_mtime_ns))
        monkeypatch.setattr("pipelines.execution.success_records.boot_id", lambda: "another")
    assert "copy" in bench.build("two", commit)
    assert (bench.workspace("two").source / "out" / "copy.txt").read_text() == "1"


def test_content_that_differs_from_its_digest_is_not_taken(bench: Bench) -> None:
    """Size and time tell nothing here: the copy is read."""
    commit = bench.commit({"a.txt": "1"})
    bench.build("one", commit)
    made = bench.workspace("one").source / "out" / "copy.txt"
    times = made.stat()
    made.write_text("2")
    os.utime(made, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "copy" in bench.build("two", commit)
    assert (bench.workspace("two").source / "out" / "copy.txt").read_text() == "1"


def test_nothing_is_copied_through_a_link_out_of_the_source(bench: Bench, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    where = tmp_path / "where"
    bench.steps[1:] = []
    bench.step("link", f"test ! -e {where} || ln -s $(cat {where}) out")
    bench.step("copy", "mkdir -p out; cp a.txt out/copy.txt", **OUTPUTS)
    commit = bench.commit({"a.txt": "1"})
    bench.build("one", commit)
    where.write_text(str(elsewhere))
    with pytest.raises(StepFailed, match="leads through 'out', a link to a folder outside"):
        bench.build("two", commit)


def test_another_branch_takes_only_what_does_not_name_it(bench: Bench) -> None:
    script = "echo $BUILD_BRANCH > name.txt"
    bench.step("name", script, inputs=("a.txt",), outputs=("name.txt",))
    commit = bench.commit({"a.txt": "1"})
    bench.build("one", commit)
    assert bench.build("two", commit, branch="release") == ["git-checkout", "last", "name"]
    assert bench.reasons["name"].endswith("inputs: $BUILD_BRANCH was main, is release")
    assert (bench.workspace("two").source / "name.txt").read_text() == "release\n"


def test_a_checkout_gives_the_branch_of_its_own_job(bench: Bench) -> None:
    given = {"GIVEN": "${{ steps.git-checkout.outputs.branch }}"}
    bench.step("given", "echo $GIVEN > given.txt", env=given)
    commit = bench.commit({"a.txt": "1"})
    bench.build("one", commit)
    bench.build("two", commit, branch="release")
    assert (bench.workspace("two").source / "given.txt").read_text() == "release\n"

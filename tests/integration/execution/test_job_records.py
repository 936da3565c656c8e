"""What makes a step run again, with real scripts in a real checkout."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import Step, StepContext, StepResult
from pipelines.execution.job_records import StepRecords
from pipelines.execution.success_records import SuccessRecords
from pipelines.steps.gates.preflight import PREFLIGHT
from pipelines.steps.run import RUN, Run, RunOptions
from pipelines.workspace.sync import sync_file_system
from tests.support.pipelines.recorded_steps import Bench

ALL = ["git-checkout", "copy", "last"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path, RUN)
    bench.step("copy", "cp a.txt copy.txt")
    bench.step("last", "cat copy.txt")
    return bench


def test_nothing_changed(bench: Bench) -> None:
    commit = bench.commit({"a.txt": "1"})
    assert bench.build("job", commit) == ALL
    assert bench.build("job", commit) == []


def test_a_record_tells_reason_duration_and_attempt(bench: Bench) -> None:
    bench.build("job", bench.commit({"a.txt": "1"}))
    record = StepRecords(bench.workspace("job")).read("copy")
    assert record is not None
    assert record.reason == "the script succeeded"
    assert record.duration_seconds is not None
    assert record.attempt == 1


def test_no_record_holds_a_path_of_this_machine(bench: Bench) -> None:
    bench.build("job", bench.commit({"a.txt": "1"}))
    for success in bench.workspace("job").successes.glob("copy.json"):
        assert str(bench.folder) not in success.read_text()


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 3}'])
def test_a_record_that_cant_be_read_is_told_and_the_step_runs(bench: Bench, content: str) -> None:
    commit = bench.commit({"a.txt": "1"})
    bench.build("job", commit)
    (bench.workspace("job").successes / "last.json").write_text(content)
    assert bench.build("job", commit) == ["last"]
    assert bench.reasons["last"] == "the record of its last success is unreadable"
    assert bench.build("job", commit) == []


def test_a_source_that_was_made_anew_lacks_what_steps_left_in_it(bench: Bench) -> None:
    commit = bench.commit({"a.txt": "1"})
    bench.build("job", commit)
    shutil.rmtree(bench.workspace("job").source)
    assert bench.build("job", commit) == ALL
    assert bench.reasons["git-checkout"] == "its output HEAD is missing"
    assert bench.reasons["copy"] == "step git-checkout ran again, and this step has no `outputs`"


def test_a_step_with_intact_outputs_outlives_a_repeated_one(bench: Bench, tmp_path: Path) -> None:
    commit = bench.commit({"a.txt": "1"})
    bench.steps[1:] = []
    bench.step("copy", "cp a.txt copy.txt", outputs=("copy.txt",))
    bench.step("last", "cat copy.txt", outputs=("copy.txt",))
    assert bench.build("job", commit) == ALL
    (bench.workspace("job").successes / "copy.json").unlink()
    assert bench.build("job", commit) == ["copy"]


class Packager(Run):
    """Asks the machine before it runs; `machine` is what the answer depends on."""

    machine = "as it was"

    def preflight(self, options: RunOptions, context: StepContext) -> str:
        return "it will do"

    def preflight_identity(self, options: RunOptions, context: StepContext) -> Mapping[str, str]:
        return {"machine": self.machine}


def test_a_check_that_is_repeated_repeats_nothing_else(tmp_path: Path) -> None:
    """A build that installs what it needs changes the machine that its preflight looked at."""
    packager = Packager()
    bench = Bench(tmp_path, packager)
    options = PREFLIGHT.options()
    bench.steps.append(
        Step(name="preflight", kind=PREFLIGHT, options=options, needs=("git-checkout",))
    )
    bench.step("package", "cp a.txt copy.txt")
    commit = bench.commit({"a.txt": "1"})
    assert bench.build("job", commit) == ["git-checkout", "preflight", "package"]
    packager.machine = "with more installed"
    assert bench.build("job", commit) == ["preflight"]
    assert bench.build("job", commit) == []


def test_what_the_builder_declares_counts_and_is_not_shown(bench: Bench) -> None:
    commit = bench.commit({"a.txt": "1"})
    bench.build("job", commit, declared_env={"TOKEN": "hidden-1"})
    assert bench.build("job", commit, declared_env={"TOKEN": "hidden-2"}) == ALL
    assert bench.reasons["copy"] == "environment: TOKEN of the builder was changed"
    assert "hidden" not in str(bench.reasons)


def test_params_count(bench: Bench) -> None:
    commit = bench.commit({"a.txt": "1"})
    bench.build("job", commit, params={"suite": "bookworm"})
    assert bench.build("job", commit, params={"suite": "trixie"}) == ["copy", "last"]
    assert bench.reasons["copy"] == "inputs: suite was bookworm, is trixie"


def test_a_step_with_inputs_depends_on_them_alone(bench: Bench) -> None:
    bench.steps[1:] = []
    bench.step("docs", "cat docs/*.txt", inputs=("docs/**",))
    first = bench.commit({"a.txt": "1", "docs/d.txt": "1"})
    assert bench.build("job", first) == ["git-checkout", "docs"]
    other = bench.commit({"a.txt": "2"})
    assert bench.build("job", other) == ["git-checkout"]
    bench.build("job", bench.commit({"docs/d.txt": "2"}))
    assert bench.reasons["docs"].startswith("files: docs/d.txt was ")


def test_inputs_that_a_step_made_are_read(bench: Bench) -> None:
    bench.steps[1:] = []
    bench.step("make", "cp a.txt made.txt; cat a.txt > tracked.txt", outputs=("made.txt",))
    bench.step("use", "cat made.txt", inputs=("made.txt",), outputs=("made.txt",))
    bench.step("see", "cat tracked.txt", inputs=("tracked.txt",), outputs=("tracked.txt",))
    bench.build("job", bench.commit({"a.txt": "1", "tracked.txt": "0", "b.txt": "1"}))
    assert "use" not in bench.build("job", bench.commit({"b.txt": "2"}))
    assert "use" in bench.build("job", bench.commit({"a.txt": "2"}))
    assert bench.reasons["use"].startswith("files: made.txt was ")
    assert bench.reasons["see"].startswith("files: tracked.txt was ")


def test_a_step_that_does_not_make_what_it_says_fails(bench: Bench) -> None:
    bench.step("liar", "true", outputs=("nothing/*.jar",))
    with pytest.raises(StepFailed, match="nothing/"):
        bench.build("job", bench.commit({"a.txt": "1"}))
    assert not (bench.workspace("job").successes / "liar.json").exists()


def test_what_an_older_script_made_does_not_pass_for_what_this_one_makes(bench: Bench) -> None:
    commit = bench.commit({"made/committed": "1"})
    bench.steps[1:] = []
    bench.step("other", "mkdir -p made; echo > made/other", outputs=("made/other",))
    bench.step("make", "echo > made/old; echo > made/committed", outputs=("made/*",))
    bench.build("one", commit)
    bench.steps.pop()
    bench.step("make", "true", outputs=("made/old",))
    for _ in range(2):
        with pytest.raises(StepFailed, match="no file in the source tree matches"):
            bench.build("one", commit)
    made = bench.workspace("one").source / "made"
    assert sorted(path.name for path in made.iterdir()) == ["committed", "other"]

    bench.steps.pop()
    bench.step("make", "echo > made/new", outputs=("made/new",))
    bench.build("one", commit)
    SuccessRecords(bench.workspace("one").successes).forget("make")
    bench.steps.pop()
    bench.step("make", "test ! -e made/new; echo > made/new", outputs=("made/new",))
    assert bench.build("one", commit) == ["make"]


def test_an_artifact_needs_a_name_that_is_text(bench: Bench) -> None:
    bench.step("make", r"touch $(printf 'a\377.bin')", artifacts=("*.bin",))
    with pytest.raises(StepFailed, match=r"artifact 'a\\xff\.bin' is not UTF-8"):
        bench.build("job", bench.commit({"a.txt": "1"}))


def test_what_a_step_left_is_on_the_disk_before_its_record(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test can cut the power: that all is synced, and when, has to do."""
    synced: list[tuple[Path, tuple[str, ...]]] = []

    def sync(path: Path) -> None:
        sync_file_system(path)
        synced.append((path, SuccessRecords(bench.workspace("job").successes).recorded()))

    monkeypatch.setattr("pipelines.execution.job_records.sync_file_system", sync)

    bench.build("job", bench.commit({"a.txt": "1"}))

    root = bench.workspace("job").root
    assert synced == [
        (root, ()),
        (root, ("git-checkout",)),
        (root, ("copy", "git-checkout")),
    ]


def test_a_file_system_that_is_not_there_is_not_synced(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"):
        sync_file_system(tmp_path / "gone")


class Unreadable(Run):
    """A kind that meets what nobody foresaw."""

    def identity(self, options: RunOptions, context: StepContext) -> Mapping[str, str]:
        raise FileNotFoundError(2, "No such file or directory", "gone.jar")

    def ended_result(self, options: RunOptions, context: StepContext) -> StepResult | None:
        raise IsADirectoryError(21, "Is a directory", "output")


def test_a_step_that_can_not_be_judged_is_run_and_tells_why(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Unreadable())
    bench.step("copy", "true")
    with pytest.raises(StepFailed, match=r"No such file or directory: gone\.jar"):
        bench.build("job", bench.commit({"a.txt": "1"}))
    assert bench.reasons["copy"] == (
        "cannot determine whether it is up to date: No such file or directory: gone.jar"
    )


def test_an_end_that_can_not_be_read_is_no_good_end(bench: Bench) -> None:
    commit = bench.commit({"a.txt": "1"})
    bench.build("job", commit)
    records = StepRecords(bench.workspace("job"))
    execution = bench.execution("copy", commit)
    made_from = execution.fingerprint()
    assert made_from is not None
    records.begin(execution.pipeline, execution.step, made_from)
    step = replace(execution.step, kind=Unreadable())
    replace(execution, step=step).record_end()
    assert records.read("copy") is None


def test_the_exit_code_of_an_earlier_run_proves_nothing(bench: Bench) -> None:
    """Killed after it was noted that the step begins, and before its script was started."""
    commit = bench.commit({"a.txt": "1"})
    bench.build("job", commit)
    execution = bench.execution("last", commit)
    made_from = execution.fingerprint()
    assert made_from is not None
    execution.records.begin(execution.pipeline, execution.step, made_from)
    execution.record_end()
    assert execution.records.read("last") is None


def test_the_exit_code_of_another_job_proves_nothing(bench: Bench) -> None:
    bench.step("made", "cp a.txt b.txt", inputs=("a.txt",), outputs=("b.txt",))
    commit = bench.commit({"a.txt": "1"})
    bench.build("one", commit)
    assert "made" not in bench.build("two", commit)
    assert not bench.workspace("two").exit_code("made").exists()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"dir": "docs"}, 'definition: dir was not set, is "docs"'),
        ({"artifacts": ("a.txt",)}, 'definition: artifacts was not set, is ["a.txt"]'),
        ({"values": ("size",)}, 'definition: values was not set, is ["size"]'),
    ],
)
def test_where_a_script_works_and_what_it_gives_count(
    tmp_path: Path, more: Mapping[str, Any], reason: str
) -> None:
    bench = Bench(tmp_path, RUN)
    commit = bench.commit({"a.txt": "1", "docs/a.txt": "2"})
    bench.step("see", "cat a.txt")
    bench.build("job", commit)
    execution = bench.execution("see", commit)
    changed = replace(execution, step=replace(execution.step, **more)).fingerprint()
    assert changed is not None
    assert list(execution.records.reasons_to_run("see", changed)) == [reason]

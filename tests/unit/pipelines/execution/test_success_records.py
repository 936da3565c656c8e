from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.execution.fingerprint import first_difference
from pipelines.execution.success_records import (
    Run,
    SuccessRecord,
    SuccessRecords,
    boot_id,
    changed_output,
    record_outputs,
)


def stamp_of(*outputs: Path, boot: str | None = None) -> SuccessRecord:
    root = outputs[0].parent
    return SuccessRecord(
        step="maven",
        fingerprint={"inputs": {"jdk": "17"}},
        outputs=record_outputs(outputs, root),
        values={"version": "1.0"},
        reason="built",
        boot_id=boot_id() if boot is None else boot,
        attempt=1,
        duration_seconds=1.5,
        run="a run",
        after={"git-checkout": "another run"},
        complete=True,
    )


@pytest.fixture
def output(tmp_path: Path) -> Path:
    path = tmp_path / "a.jar"
    path.write_bytes(b"content")
    os.utime(path, (0, 0))  # whatever writes it again does so at another time
    return path


def test_a_stamp_comes_back_as_it_was(tmp_path: Path, output: Path) -> None:
    successes = SuccessRecords(tmp_path / "stamps")
    written = stamp_of(output)
    successes.write(written)
    assert successes.read("maven") == written
    successes.remove("maven")
    assert successes.read("maven") is None


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"format": 1}', '{"format": 99}', pytest.param("[" * 100_000, id="deep")],
)
def test_a_torn_or_foreign_stamp_proves_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "maven.json").write_text(content)
    assert SuccessRecords(tmp_path).read("maven") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"fingerprint": {"definition": 5}},
        {"fingerprint": ["definition"]},
        {"fingerprint": {"definition": {"uses": ["x"]}}},
        {"outputs": {"\0": {"size": 1, "mtime_ns": 1, "sha256": "a", "executable": False}}},
        {"outputs": {"a.jar": {"size": "big", "mtime_ns": 1, "sha256": "a", "executable": False}}},
        {"digest": 5},
        {"after": None},
        {"values": []},
    ],
)
def test_a_stamp_with_wrong_types_proves_nothing(
    tmp_path: Path, output: Path, wrong: dict[str, object]
) -> None:
    successes = SuccessRecords(tmp_path / "stamps")
    successes.write(stamp_of(output))
    path = tmp_path / "stamps" / "maven.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **wrong}))
    assert successes.read("maven") is None


def test_an_output_that_may_no_longer_be_run_is_changed(output: Path) -> None:
    output.chmod(0o755)
    success = stamp_of(output)
    assert changed_output(success, output.parent) is None
    output.chmod(0o644)
    assert changed_output(success, output.parent) == "its output a.jar was changed"
    assert stamp_of(output).result != success.result


def test_a_stamp_that_a_killed_process_took_away_is_gone_for_good(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    successes = SuccessRecords(tmp_path / "stamps")
    successes.write(stamp_of(output))
    (tmp_path / "stamps" / "maven.json").unlink()
    synced: list[Path] = []
    monkeypatch.setattr("pipelines.execution.success_records.sync", synced.append)
    successes.remove("maven")
    assert synced == [tmp_path / "stamps"]


@pytest.mark.parametrize("content", ["null", "[]", "{}", '{"step": 5}', "5", "\xff"])
def test_a_run_that_cannot_be_understood_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "maven.run").write_bytes(content.encode("latin-1"))
    (tmp_path / "first-boot").write_bytes(b"\xff")
    assert SuccessRecords(tmp_path).last_run("maven") is None
    assert SuccessRecords(tmp_path).was_begun("maven")


def test_an_output_whose_name_is_no_utf_8_comes_back(tmp_path: Path) -> None:
    output = tmp_path / os.fsdecode(b"a\xff.jar")
    output.write_bytes(b"content")
    successes = SuccessRecords(tmp_path / "stamps")
    written = stamp_of(output)
    successes.write(written)
    assert successes.read("maven") == written


def test_outputs_that_are_as_they_were(output: Path) -> None:
    assert changed_output(stamp_of(output), output.parent) is None


def test_an_output_that_is_gone(output: Path) -> None:
    success = stamp_of(output)
    output.unlink()
    assert changed_output(success, output.parent) == "its output a.jar is missing"


def test_an_output_with_other_content_of_the_same_size(output: Path) -> None:
    success = stamp_of(output)
    output.write_bytes(b"CONTENT")
    assert changed_output(success, output.parent) == "its output a.jar was changed"


def test_after_a_restart_of_the_machine_times_prove_nothing(output: Path) -> None:
    success = stamp_of(output, boot="another boot")
    times = output.stat()
    output.write_bytes(b"CONTENT")
    os.utime(output, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert changed_output(success, output.parent) == "its output a.jar was changed"


def test_a_touched_output_with_its_old_content_is_unchanged(output: Path) -> None:
    success = stamp_of(output)
    os.utime(output, (1, 1))
    assert changed_output(success, output.parent) is None


def test_a_result_does_not_tell_where_it_was_made(tmp_path: Path) -> None:
    results = set()
    for name in ("one", "another"):
        path = tmp_path / name / "packages" / "a.deb"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"content")
        success = replace(stamp_of(path), outputs=record_outputs([path], tmp_path / name))
        assert list(success.outputs) == ["packages/a.deb"]
        results.add(success.result)
    assert len(results) == 1


def test_a_step_that_left_more_than_its_outputs_is_told_by_what_it_was_made_from(
    output: Path,
) -> None:
    success = replace(stamp_of(output), complete=False)
    other = replace(success, fingerprint={"inputs": {"jdk": "21"}})
    assert success.result != other.result
    assert replace(success, complete=True).result == replace(other, complete=True).result


def test_the_difference_names_old_and_new_value() -> None:
    old = {"inputs": {"jdk": "17", "mvn": "3.8"}, "upstream": {"checkout": "a"}}
    new = {"inputs": {"jdk": "21", "mvn": "3.8"}, "upstream": {"checkout": "b"}}
    difference = first_difference(old, new)
    assert difference is not None
    assert difference.text == "inputs: jdk was 17, is 21"
    assert first_difference(old, old) is None

    content = "ce013625030ba8dba906f756967f9e9ca394464a"
    old, new = ({"files": {"x": f"{mode} {content}"}} for mode in ("100644", "100755"))
    difference = first_difference(old, new)
    assert difference is not None
    assert difference.text == "files: x was ce013625030b, is ce013625030b (mode 100755)"


def run_of(step: str) -> Run:
    return Run(step=step, id="1", fingerprint={}, after={}, attempt=1, boot_id=boot_id())


def test_what_was_begun_here_is_not_taken_from_elsewhere(tmp_path: Path) -> None:
    successes = SuccessRecords(tmp_path)
    assert not successes.was_begun("maven")

    successes.begin(run_of("maven"))
    successes.forget("deb")

    assert [successes.was_begun(step) for step in ("maven", "deb", "checkout")] == [
        True,
        True,
        False,
    ]


def test_after_a_restart_every_step_may_have_been_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note that a step was begun is not synced, so a power cut may take it away."""
    successes = SuccessRecords(tmp_path)
    successes.begin(run_of("maven"))
    (tmp_path / "maven.run").unlink()
    assert not successes.was_begun("maven")

    monkeypatch.setattr("pipelines.execution.success_records.boot_id", lambda: "another boot")

    assert successes.was_begun("maven")

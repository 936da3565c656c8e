from __future__ import annotations

import os
from pathlib import Path

from pipelines.steps import maven_record
from pipelines.steps.maven_events import BuildEvents
from pipelines.steps.maven_record import ModuleRecord, build_key, newest_files, size_and_time


def open_record(path: Path, key: str) -> ModuleRecord:
    return maven_record.open_record(path, key, lambda _: None)


def test_a_record_goes_on_for_the_same_key(tmp_path: Path) -> None:
    path = tmp_path / "maven" / "step.events"
    first = open_record(path, "abc")
    with path.open("a") as stream:
        stream.write("1000\trun\n")
    again = open_record(path, "abc")
    assert (again.began, again.events().runs) == (round(first.began, 3), 1)
    assert open_record(path, "other").events().runs == 0


def test_a_record_does_not_outlive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "step.events"
    path.write_text("key abc another-boot 1.0\n1000\trun\n")
    assert open_record(path, "abc").events().runs == 0


def test_who_knows_what_a_record_had_can_act_before_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "step.events"
    seen: list[tuple[int, str]] = []

    def note(events: BuildEvents) -> None:
        seen.append((events.runs, path.read_text().split()[1]))

    for key in ("abc", "abc", "xyz"):
        with maven_record.open_record(path, key, note).path.open("a") as stream:
            stream.write("1000\trun\n")
    assert seen == [(2, "abc")]


def test_a_torn_record_is_none(tmp_path: Path) -> None:
    path = tmp_path / "step.events"
    path.write_bytes(b"key\xff")
    assert open_record(path, "abc").events().runs == 0


def test_the_key_is_of_all_but_what_changes_with_each_attempt() -> None:
    key = build_key({"A": "1", "SSH_AUTH_SOCK": "/x"}, {"tree": "t"})
    assert key == build_key({"A": "1", "SSH_AUTH_SOCK": "/y"}, {"tree": "t"})
    assert key != build_key({"A": "2"}, {"tree": "t"})
    assert key != build_key({"A": "1"}, {"tree": "u"})


def test_a_file_belongs_to_the_innermost_module(tmp_path: Path) -> None:
    times = {"pom.xml": 5, "a/pom.xml": 6, "a/src/x/A.java": 7, "a/target/x": 99, "b/B": 3, "c": 4}
    for name, second in times.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
        os.utime(file, (second, second))
    newest = newest_files({"g:top": tmp_path, "g:a": tmp_path / "a"})
    assert newest == {"g:top": 5000, "g:a": 7000}


def test_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("xyz")
    os.utime(tmp_path / "x", ns=(0, 1_500_999_999))
    assert size_and_time(tmp_path / "x") == (3, 1500)
    assert size_and_time(tmp_path / "y") is None

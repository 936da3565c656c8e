from __future__ import annotations

import os
from pathlib import Path

from pipelines.steps.maven.incremental import record as maven_record
from pipelines.steps.maven.incremental.record import (
    ModuleRecord,
    build_key,
    size_and_time,
)
from pipelines.steps.maven.output.events import BuildEvents, ModuleFile


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


def test_a_record_that_was_copied_with_its_workspace_tells_of_the_copy(tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    path = jobs / "mine" / "maven" / "step.events"
    earlier = jobs / "other" / "build" / "source"
    open_record(path, "abc")
    with path.open("a") as stream:
        stream.writelines(
            f"1\t{line}\n"
            for line in (
                *("run", f"planned\tg:a\t{earlier}/a/pom.xml\tjar\t\tA"),
                *(f"builds\tg:a\t{earlier}/a/target", "started\tg:a"),
                f"file\tg:a\t{earlier}/a/target/a.jar\t/shared/a.jar\t1\t1",
            )
        )
    module = open_record(path, "abc").events().modules["g:a"]
    source = jobs / "mine" / "build" / "source"
    assert (module.pom, module.folder) == (source / "a/pom.xml", source / "a/target")
    assert module.files == [ModuleFile(source / "a/target/a.jar", Path("/shared/a.jar"), 1, 1)]


def test_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("xyz")
    os.utime(tmp_path / "x", ns=(0, 1_500_999_999))
    assert size_and_time(tmp_path / "x") == (3, 1500)
    assert size_and_time(tmp_path / "y") is None

"""The looks of several builders at the triggers of a farm."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coordination_tasks.farm.triggers.record import (
    Look,
    last_looks,
    look_record,
    looks_data,
    read_looks,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_the_newest_look_of_each_trigger_counts() -> None:
    own = {"a/push": Look(at=NOON, by="build1"), "b/push": Look(by="build1")}
    later = Look(at=NOON + timedelta(seconds=1), problem="no answer")

    found = last_looks([own, read_looks(looks_data({"a/push": later, "b/push": later}), "build2")])

    assert {name: (look.by, look.problem) for name, look in found.items()} == {
        "a/push": ("build2", "no answer"),
        "b/push": ("build2", "no answer"),
    }


def test_what_looks_like_a_secret_is_not_published() -> None:
    key = "AKIA" + "Q3EGRIZAB7NLTYHW"
    assert key.encode() not in looks_data({"a/push": Look(at=NOON, problem=key, said=(key,))})


@pytest.mark.parametrize("data", [b"", b"[]", b'{"a": 1}', b'{"a": {"at": 1}}', b"\xff"])
def test_an_unreadable_look_is_none(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "triggers.json").write_bytes(data)

    assert look_record(tmp_path).read() == {}


def test_what_was_found_stays_until_there_is_more(tmp_path: Path) -> None:
    record = look_record(tmp_path)
    record.write({"a/push": Look(at=NOON, said=("queued job x",))})
    record.write({"a/push": Look(at=NOON + timedelta(minutes=1))})

    assert record.read("build1")["a/push"].said == ("queued job x",)
    assert json.loads(record.file.read_bytes())["a/push"]["at"] == "2026-01-01T12:01:00Z"

"""Small files share files of the archive, and are found again as they were."""

from __future__ import annotations

import json

from coordination_tasks.documents.archive_files import MOST_BYTES, ArchivedFile, ArchivedFiles, put
from coordination_tasks.documents.paths import archived_files_path
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.snapshot import Snapshot
from tests.support.coordination.world import World

MONTH = "2025-10"
PLACE = archived_files_path(MONTH, "g", 1)


def test_files_are_found_by_where_they_were_and_each_as_often_as_it_came(world: World) -> None:
    def move(draft: Draft) -> None:
        put(draft, MONTH, "g", "a/1", b"one\n")
        put(draft, MONTH, "g", "b/1", "zw\u00f6lf \u2028\n".encode())
        put(draft, MONTH, "g", "a/2", b"\x00\xff")
        put(draft, MONTH, "g", "a/1", b"again")

    store = world.store()
    store.change(move)

    found = list(ArchivedFiles(store.snapshot()).find(MONTH, "g", "a/"))
    assert found == [
        ("a/1", ArchivedFile(PLACE, b"one\n")),
        ("a/1", ArchivedFile(PLACE, b"again")),
        ("a/2", ArchivedFile(PLACE, b"\x00\xff")),
    ]
    [(_, other)] = ArchivedFiles(store.snapshot()).find(MONTH, "g", "b/")
    assert other.data == "zw\u00f6lf \u2028\n".encode()
    assert list(ArchivedFiles(store.snapshot()).find("2025-11", "g", "a/")) == []


def test_a_full_part_is_followed_by_another(world: World) -> None:
    text = b"x" * 90_000

    def move(draft: Draft) -> None:
        for number in range(12):
            put(draft, MONTH, "g", f"a/{number}", text)

    store = world.store()
    store.change(move)

    snapshot = store.snapshot()
    assert len(snapshot.read(PLACE) or b"") <= MOST_BYTES
    assert {file.path for _, file in ArchivedFiles(snapshot).find(MONTH, "g", "a/")} == {
        archived_files_path(MONTH, "g", part) for part in (1, 2)
    }


def test_lines_of_others_that_make_no_sense_hide_nothing(world: World) -> None:
    good = json.dumps({"path": "a/1", "text": "one"})
    broken = [
        '{"path": "a/1", "text": ',
        '["a/1"]',
        '{"path": "a/1"}',
        '{"path": "a/1", "base64": "?"}',
        '{"path": "a/1", "text": 7}',
        '{"path": "b/a/1", "text": "\\"a/1"}',
    ]
    world.write(PLACE, "\n".join([*broken, good]))

    snapshot: Snapshot = world.store().snapshot()

    assert [file.data for _, file in ArchivedFiles(snapshot).find(MONTH, "g", "a/")] == [b"one"]

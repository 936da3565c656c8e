"""The record of promotions and rollbacks."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from coordination_tasks.documents.paths import PUBLICATIONS
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.farm.artifacts.releases.publications import (
    ROLLBACK,
    Publication,
    ended,
    new_id,
    read_publications,
)

AT = datetime(2025, 10, 29, 12, tzinfo=UTC)
ONE = Publication(
    id="20251029T120000Z-1", act=ROLLBACK, job="web-1", attempt=1, destination="stable",
    builder="build1", by="Ann", reason="", at=AT,
)  # fmt: skip


def test_only_what_ended_well_counts() -> None:
    assert not ONE.succeeded
    assert not ended(ONE, AT, problem="no key").succeeded
    done = ended(ONE, AT, offered=["web 1.0 (all)"])
    assert done.succeeded
    assert done.offered == ("web 1.0 (all)",)


def test_ids_sort_by_time_and_are_unique() -> None:
    ids = {new_id(AT) for _ in range(20)}
    assert len(ids) == 20
    assert all(one.startswith("20251029T120000Z-") for one in ids)


def test_entries_of_others_are_read_as_far_as_they_go() -> None:
    entries = {"b": {"job": 7, "attempt": "x", "offered": "y"}, "a": {"job": "web-1"}, "c": None}
    found = read_publications(json.dumps({"publications": entries}).encode())
    assert [(one.id, one.job, one.attempt, one.offered) for one in found] == [
        ("a", "web-1", 0, ()),
        ("b", "7", 0, ()),
    ]
    assert read_publications(None) == []


@pytest.mark.parametrize("text", ["[]", "{", '{"publications": []}'])
def test_a_broken_document_is_named(text: str) -> None:
    with pytest.raises(BrokenDocument, match=PUBLICATIONS):
        read_publications(text.encode())

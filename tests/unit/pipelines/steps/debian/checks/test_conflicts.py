from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.debian.checks.conflicts import (
    MOST_SETS,
    Control,
    conflicting_pairs,
    installable_sets,
)


def control(name: str, version: str = "1.0", **fields: str) -> Control:
    return {"Package": name, "Version": version, **fields}


@pytest.mark.parametrize(
    ("fields", "other", "conflict"),
    [
        ({"Conflicts": "b"}, {}, True),
        ({"Breaks": "b"}, {}, True),
        ({"Conflicts": "c, b (<< 2)"}, {}, True),
        ({"Conflicts": "b (<< 1.0)"}, {}, False),
        ({"Conflicts": "b (= 1.0)"}, {}, True),
        ({"Conflicts": "b:any (>= 0.9)"}, {}, True),
        ({"Conflicts": "v"}, {"Provides": "v"}, True),
        ({"Conflicts": "v (<< 2)"}, {"Provides": "v"}, False),
        ({"Conflicts": "v (<< 2)"}, {"Provides": "x, v (= 1.5)"}, True),
        ({"Conflicts": "v (<< 2)"}, {"Provides": "v (= 2)"}, False),
        ({"Conflicts": "v", "Provides": "v"}, {}, False),
        ({"Replaces": "b", "Depends": "b"}, {}, False),
    ],
)
def test_pairs(fields: dict[str, str], other: dict[str, str], conflict: bool) -> None:
    pairs = [("a", "b")] if conflict else []
    assert conflicting_pairs([control("a", **fields), control("b", **other)]) == pairs
    flipped = [(y, x) for x, y in pairs]
    assert conflicting_pairs([control("b", **other), control("a", **fields)]) == flipped


def test_sets() -> None:
    assert installable_sets(["a", "b", "c"], []) == [("a", "b", "c")]
    assert sorted(installable_sets(["a", "b", "c"], [("a", "b")])) == [("a", "c"), ("b", "c")]


@given(st.lists(st.sampled_from(list(itertools.combinations("abcdefgh", 2))), unique=True))
def test_sets_are_without_pairs_and_leave_nobody_out(pairs: list[tuple[str, str]]) -> None:
    sets = installable_sets(list("abcdefgh"), pairs)
    assert 1 <= len(sets) <= MOST_SETS
    assert {name for each in sets for name in each} == set("abcdefgh")
    assert not any({one, other} <= {*each} for one, other in pairs for each in sets)


def test_fields_that_are_not_there_are_no_trouble(caplog: pytest.LogCaptureFixture) -> None:
    one = {"Package": "a", "Version": "1", "Breaks": "", "Conflicts": "b (<< 1), \n"}
    other = {"Package": "b", "Version": "2"}
    assert conflicting_pairs([one, other]) == []
    assert not caplog.records

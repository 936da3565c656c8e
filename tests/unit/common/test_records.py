"""Plain data as dataclasses, with the place of each mistake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from common.records import (
    Rejected,
    boolean,
    integer,
    key,
    map_of,
    number,
    optional,
    read_record,
    record,
    several,
    text,
)
from common.yaml.document import parse_document
from common.yaml.findings import InvalidFile


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: int = key(integer(least=1, most=9), 5)


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str = key(text)
    note: str | None = key(optional(text), None)
    ratio: float = key(number(above=0), 1.0)
    is_on: bool = key(boolean, False)
    words: tuple[str, ...] = key(several(text), ())
    labels: Mapping[str, str] = key(map_of(text), factory=dict)
    inner: Inner = key(record(Inner), factory=Inner)


def read(source: str) -> Outer:
    return read_record(record(Outer), parse_document(source.encode(), "f"))


def test_what_is_not_written_is_as_by_default() -> None:
    assert read("name: x") == Outer(name="x")


def test_values_of_all_kinds() -> None:
    source = (
        "name: 1.10\nnote: ~\nratio: 2\nis_on: true\nwords: [a, 1]\n"
        "labels: {a: 1.10, b: true}\ninner: {size: 9}"
    )
    assert read(source) == Outer(
        name="1.10",
        ratio=2.0,
        is_on=True,
        words=("a", "1"),
        labels={"a": "1.10", "b": "true"},
        inner=Inner(size=9),
    )
    assert read("name: x\nwords: one").words == ("one",)


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("", "f:1:1: missing key 'name'"),
        ("[]", "f:1:1: expected a map: lines like `key: value`"),
        ("name: x\nnam: y", "f:2:1: unknown key 'nam'; did you mean 'name'?"),
        ("name: ~", "f:1:7: name: expected text"),
        ("name: x\nratio: 0", "f:2:8: ratio: expected more than 0"),
        ("name: x\nratio: true", "f:2:8: ratio: expected a number"),
        ("name: x\nis_on: yes", "f:2:8: is_on: expected true or false"),
        ("name: x\nwords: {}", "f:2:8: words: expected a list"),
        ("name: x\nwords:\n- a\n- []", "f:4:3: words: expected text"),
        ("name: x\nlabels: {a: []}", "f:2:13: a: expected text"),
        ("name: x\ninner: {size: 0}", "f:2:15: size: expected 1 or more"),
        ("name: x\ninner: {size: 10}", "f:2:15: size: expected 9 or less"),
        ("name: x\ninner: {size: 1.5}", "f:2:15: size: expected an integer"),
        ("name: x\ninner: {x: 1}", "f:2:9: unknown key 'x' (known: size)"),
        ("name: x\ninner: ~", "f:2:8: inner: expected a map: lines like `key: value`"),
    ],
)
def test_a_mistake_has_its_place(source: str, finding: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        read(source)
    assert str(caught.value) == finding


def test_all_mistakes_are_found_in_one_reading() -> None:
    with pytest.raises(InvalidFile) as caught:
        read("ratio: 0\ninner: {size: x, y: 1}\nlabels: {a: [], b: []}\nz: 1")
    assert [finding.line for finding in caught.value.findings] == [1, 1, 2, 2, 3, 3, 4]


def test_data_that_has_no_places() -> None:
    with pytest.raises(Rejected, match=r"missing key 'name'; ratio: expected a number"):
        record(Outer)({"ratio": "x"})


def test_keys_that_a_newer_program_wrote_may_count_for_nothing() -> None:
    data = {"name": "x", "new": 1, "inner": {"size": 2}}
    assert record(Outer, others=True)(data) == Outer(name="x", inner=Inner(size=2))
    with pytest.raises(Rejected, match="unknown key 'new'"):
        record(Outer)(data)

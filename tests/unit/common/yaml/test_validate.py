from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, Field

from common.yaml.document import parse_document
from common.yaml.findings import InvalidFile
from common.yaml.validate import Duration, Several, Text, validate


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    version: Text
    names: Several[Text] = ()
    wait: Duration = 1.0
    count: int = 0


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    inner: Inner
    with_: dict[str, Inner] = Field(default_factory=dict, alias="with")


def findings(text: str) -> list[str]:
    with pytest.raises(InvalidFile) as caught:
        validate(Outer, parse_document(text.encode(), "f.yaml"))
    return [str(finding) for finding in caught.value.findings]


def test_text_is_what_was_written() -> None:
    document = parse_document(b"inner: {version: 1.10, names: [17, no, true]}", "f.yaml")
    inner = validate(Outer, document).inner
    assert (inner.version, inner.names) == ("1.10", ("17", "no", "true"))


def test_one_value_stands_for_a_list_of_one() -> None:
    document = parse_document(b"inner: {version: x, names: one}", "f.yaml")
    assert validate(Outer, document).inner.names == ("one",)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("2h", 7200), ("1h 30m", 5400)])
def test_durations(text: str, seconds: float) -> None:
    document = parse_document(f"inner: {{version: x, wait: {text}}}".encode(), "f.yaml")
    assert validate(Outer, document).inner.wait == seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "inner:\n  version: x\n  nmaes: y\n",
            ["f.yaml:3:3: unknown key 'nmaes'; did you mean 'names'?"],
        ),
        (
            "inner: {version: x}\nwith: {a: {versoin: x, version: 1}}",
            ["f.yaml:2:12: unknown key 'versoin'; did you mean 'version'?"],
        ),
        ("inner: {}", ["f.yaml:1:8: missing key 'version'"]),
        (
            "inner: {version: x, count: soon}",
            ["f.yaml:1:28: count: expected an integer"],
        ),
        (
            "inner: {version: x, wait: soon}",
            ["f.yaml:1:27: wait: expected a duration such as 90s, 30m or 2h"],
        ),
        ("- a", ["f.yaml:1:1: expected a map: lines like `key: value`"]),
    ],
)
def test_mistakes_have_place_and_hint(text: str, expected: list[str]) -> None:
    assert findings(text) == expected

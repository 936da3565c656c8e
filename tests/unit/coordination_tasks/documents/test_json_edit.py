"""JSON text is edited in place: what is not changed stays byte for byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordination_tasks.documents import json_edit
from coordination_tasks.domain.errors import BrokenDocument

ODD = """{ "b" : 1.50,
\t"a":[1,2 , {"x":1e3}],
    "u": "\\u00fc/\\/", "a2": {},
  "last": null}"""

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(st.text(), values, max_size=6)


def test_a_member_is_replaced_where_it_stands() -> None:
    changed = json_edit.set_members(ODD, {"b": 2})

    assert changed == ODD.replace("1.50", "2")


def test_new_members_are_appended_in_the_style_of_the_others() -> None:
    text = '{\n  "a": 1\n}\n'

    assert json_edit.set_members(text, {"b": [1], "c": {}}) == (
        '{\n  "a": 1,\n  "b": [\n    1\n  ],\n  "c": {}\n}\n'
    )


def test_the_first_member_of_an_empty_object_is_indented() -> None:
    text = '{\n  "locks": {}\n}'
    at = text.index("{}")

    assert json_edit.set_members(text, {"x": None}, at) == (
        '{\n  "locks": {\n    "x": null\n  }\n}'
    )


def test_a_document_on_one_line_stays_on_one_line() -> None:
    assert json_edit.set_members('{"a": {"x": 1}}', {"a": {"y": 2}}) == '{"a": {"y": 2}}'


def test_windows_line_ends_are_kept() -> None:
    changed = json_edit.set_members('{\r\n  "a": 1\r\n}\r\n', {"b": [2]})

    assert "\n" not in changed.replace("\r\n", "")
    assert json.loads(changed) == {"a": 1, "b": [2]}


def test_a_byte_order_mark_stays() -> None:
    text = '\ufeff{"a": 1}'

    assert json_edit.parse_object("x.json", text) == {"a": 1}
    assert json_edit.set_members(text, {"a": 2}) == '\ufeff{"a": 2}'


def test_of_a_doubled_key_the_last_is_changed() -> None:
    changed = json_edit.set_members('{"a": 1, "b": 0, "a": 2}', {"a": 3, "c": 4})

    assert changed == '{"a": 1, "b": 0, "a": 3, "c": 4}'


def test_half_a_surrogate_pair_is_written_as_an_escape() -> None:
    changed = json_edit.set_members('{"a": "ü"}', {"b": "\ud800"})

    assert changed.encode() == '{"a": "ü", "b": "\\ud800"}'.encode()


@given(found=objects, changes=objects, indent=st.sampled_from([None, 0, 1, 2, 4]))
def test_editing_is_updating(
    found: dict[str, object], changes: dict[str, object], indent: int | None
) -> None:
    text = json.dumps(found, indent=indent, ensure_ascii=False)

    changed = json_edit.set_members(text, changes)

    assert json.loads(changed) == {**found, **changes}
    assert list(json.loads(changed)) == list({**found, **changes})


@given(found=st.lists(values, max_size=5), added=values, indent=st.sampled_from([None, 2]))
def test_appending_is_appending(found: list[object], added: object, indent: int | None) -> None:
    text = json.dumps({"x": found, "y": 1}, indent=indent)
    place = json_edit.member(text, "x")
    assert place is not None

    changed = json_edit.append_element(text, place.start, added)

    assert json.loads(changed) == {"x": [*found, added], "y": 1}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "x.json:1:1"),
        ('{\n  "a": 1,\n<<<<<<< HEAD\n}', "x.json:3:1"),
        ('{"a": [1, 2', "x.json:1:12"),
        ('{"a": 1} {"b": 2}', "x.json:1:10"),
        ("[1]", "expected an object"),
        ('{"a": NaN}', "NaN is not a JSON value"),
        ('{"a": ' + "[" * 200_000, "nested too deeply"),
        ('{"a": ' + "1" * 5_000 + "}", "x.json is broken"),
    ],
)
def test_a_broken_document_is_named_with_the_place(text: str, told: str) -> None:
    with pytest.raises(BrokenDocument, match=told):
        json_edit.parse_object("x.json", text)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(BrokenDocument, match="byte 2 is not UTF-8"):
        json_edit.decode("x.json", b'{"\xff"}')


def test_a_huge_document_is_refused() -> None:
    with pytest.raises(BrokenDocument, match="too large"):
        json_edit.decode("x.json", b" " * (json_edit.MAX_BYTES + 1))


@given(st.lists(values, max_size=6), st.sets(st.integers(0, 5)), st.sampled_from([None, 2]))
def test_elements_are_removed_and_the_others_stay(
    array: list[object], gone: set[int], indent: int | None
) -> None:
    text = json.dumps({"a": array, "b": 1}, indent=indent)
    at = text.index("[")

    changed = json_edit.remove_elements(text, at, gone)

    kept = [value for index, value in enumerate(array) if index not in gone]
    assert json.loads(changed) == {"a": kept, "b": 1}


def test_removing_keeps_the_form_of_the_others() -> None:
    text = '{"a": [\n  1.50,\n  2,\n  {"x":1}\n]}'

    assert json_edit.remove_elements(text, 6, {1}) == '{"a": [\n  1.50,\n  {"x":1}\n]}'
    assert json_edit.remove_elements(text, 6, {0, 2}) == '{"a": [\n  2\n]}'
    assert json_edit.remove_elements(text, 6, {0, 1, 2}) == '{"a": []}'

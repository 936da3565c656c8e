"""JSON text edited in place: only changed values are replaced, the rest is kept byte for byte.

Other programs own keys, orders and number formats in these files that parsing and dumping would
normalise. So a document is read with `json` and written by splicing values into its text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from coordination_tasks.domain.errors import BrokenDocument

MAX_BYTES = 32 * 1024 * 1024
_BLANK = re.compile(r"[ \t\r\n]*")
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Span:
    """A value (or a key) of a JSON text, its position, and the whitespace before it."""

    value: object
    start: int
    end: int
    lead: str


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON value")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def decode(path: str, data: bytes) -> str:
    """Text of a document. Raises BrokenDocument when it is too large or not UTF-8."""
    if len(data) > MAX_BYTES:
        raise BrokenDocument(f"{path} is broken: too large ({len(data)} bytes)")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BrokenDocument(f"{path} is broken: byte {error.start} is not UTF-8") from error


def parse_object(path: str, text: str) -> dict[str, object]:
    """The document's top-level object. Raises BrokenDocument naming path, line and column."""
    try:
        value = _DECODER.decode(text.removeprefix(_BOM))
    except json.JSONDecodeError as error:
        where = f"{path}:{error.lineno}:{error.colno}"
        raise BrokenDocument(f"{where}: invalid JSON: {error.msg}") from error
    except RecursionError as error:
        raise BrokenDocument(f"{path} is broken: nested too deeply") from error
    except ValueError as error:
        raise BrokenDocument(f"{path} is broken: {error}") from error
    if not isinstance(value, dict):
        raise BrokenDocument(f"{path} is broken: expected an object at the top level")
    return value


def dump(value: object) -> str:
    """JSON text of a new document: two-space indent, newline at the end."""
    return _dump(value, 2) + "\n"


def dump_line(value: object) -> str:
    """JSON text of one line of a `.jsonl` file, without the newline."""
    return _dump(value, None)


def set_members(text: str, changes: Mapping[str, object], at: int | None = None) -> str:
    """`text` with members of the object at `at` (default: the top) replaced or appended."""
    start = _top(text) if at is None else at
    keys, members = _scan_object(text, start)
    edits = [
        (span.start, span.end, _dump_after(changes[key], keys[key].lead))
        for key, span in members.items()
        if key in changes
    ]
    fresh = [(_dump(key, None) + ": ", changes[key]) for key in changes if key not in members]
    if fresh:
        # for a duplicate key the dict keeps the last value but the first position
        last = max(members.values(), key=lambda span: span.end, default=None)
        edits.append(_appended(text, start, last, _lead_of_next(list(keys.values())), fresh))
    return _spliced(text, edits)


def set_entry(text: str, key: str, name: str, value: object) -> str:
    """`text` with the entry `name` of the object in its top-level member `key` set to `value`.

    A member that is missing, or is not an object, becomes one.
    """
    found = member(text, key)
    if found is None or not isinstance(found.value, dict):
        text = set_members(text, {key: {}})
        found = member(text, key)
    return set_members(text, {name: value}, found.start if found else 0)


def append_element(text: str, array_at: int, value: object) -> str:
    """`text` with `value` appended to the array that starts at `array_at`."""
    # the first two show the formatting: parsing thousands of items takes too long
    some = scan_array(text, array_at, most=2)
    _, end = _DECODER.raw_decode(text, array_at)
    last = Span(None, 0, len(text[: end - 1].rstrip(" \t\r\n")), "") if some else None
    edit = _appended(text, array_at, last, _lead_of_next(some), [("", value)])
    return _spliced(text, [edit])


def remove_elements(text: str, array_at: int, indexes: Collection[int]) -> str:
    """`text` without these elements of the array that starts at `array_at`."""
    elements = scan_array(text, array_at)
    kept = [span for index, span in enumerate(elements) if index not in indexes]
    if len(kept) == len(elements):
        return text
    if not kept:
        return text[: array_at + 1] + text[_skip(text, elements[-1].end) :]
    pieces = [text[: array_at + 1]]
    for index, span in enumerate(kept):
        pieces += ["," if index else "", span.lead, text[span.start : span.end]]
    return "".join(pieces) + text[elements[-1].end :]


def member(text: str, key: str) -> Span | None:
    """The value of a top-level member; None when there is none."""
    return _scan_object(text, _top(text))[1].get(key)


def scan_array(text: str, at: int, most: int | None = None) -> list[Span]:
    """The elements of the array that starts at `at`, in a text that is known to be valid.

    `most`: at most so many, from the start.
    """
    spans: list[Span] = []

    def element(lead: str, begin: int) -> int | None:
        if len(spans) == most:
            return None
        value, end = _DECODER.raw_decode(text, begin)
        spans.append(Span(value, begin, end, lead))
        return end

    _walk(text, at, element)
    return spans


def _scan_object(text: str, at: int) -> tuple[dict[str, Span], dict[str, Span]]:
    keys: dict[str, Span] = {}
    members: dict[str, Span] = {}

    def item(lead: str, begin: int) -> int:
        key, after = _DECODER.raw_decode(text, begin)
        value_at = _skip(text, _skip(text, after) + 1)
        value, end = _DECODER.raw_decode(text, value_at)
        keys[key] = Span(key, begin, after, lead)
        members[key] = Span(value, value_at, end, "")
        return end

    _walk(text, at, item)
    return keys, members


def _walk(text: str, start: int, item: Callable[[str, int], int | None]) -> None:
    """Call `item(whitespace before, position) -> end` for all items in the brackets at `start`.

    An end of None stops the walk.
    """
    position = start + 1
    begin = _skip(text, position)
    while text[begin] not in "]}":
        end = item(text[position:begin], begin)
        if end is None:
            return
        position = _skip(text, end)
        if text[position] != ",":
            return
        position += 1
        begin = _skip(text, position)


def _skip(text: str, position: int) -> int:
    found = _BLANK.match(text, position)
    return found.end() if found else position


def _top(text: str) -> int:
    return _skip(text, len(_BOM) if text.startswith(_BOM) else 0)


def _dump(value: object, indent: int | None) -> str:
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair: only an escape can represent it
        return json.dumps(value, indent=indent)
    return text


def _dump_after(value: object, lead: str) -> str:
    """`value` formatted like items that follow the whitespace `lead`."""
    newline, indent = lead.rpartition("\n")[1:]
    if not newline:
        return _dump(value, None)
    ending = "\r\n" if "\r\n" in lead else "\n"
    return _dump(value, 2).replace("\n", ending + indent)


def _lead_of_next(items: Sequence[Span]) -> str:
    """The whitespace before an item that is appended to these."""
    if len(items) == 1:
        return items[0].lead or " "
    return items[-1].lead if items else ""


def _appended(
    text: str,
    start: int,
    last: Span | None,
    lead: str,
    items: Sequence[tuple[str, object]],
) -> tuple[int, int, str]:
    """The edit that adds `items` (prefix, value) after `last` in the brackets at `start`."""
    if last is not None:
        added = "".join(f",{lead}{prefix}{_dump_after(value, lead)}" for prefix, value in items)
        return last.end, last.end, added
    line = text[text.rfind("\n", 0, start) + 1 : start]
    outer = "\n" + line[: len(line) - len(line.lstrip(" \t"))]
    inner = outer + "  "
    body = ",".join(inner + prefix + _dump_after(value, inner) for prefix, value in items)
    return start + 1, _skip(text, start + 1), body + outer


def _spliced(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    for start, end, replacement in sorted(edits, reverse=True):
        text = text[:start] + replacement + text[end:]
    return text

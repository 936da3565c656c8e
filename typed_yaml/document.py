"""YAML text to plain data with the place of every value; hostile text is refused, never expanded.

The values follow YAML 1.2's core schema: only `true` and `false` are booleans, so that `no` and
`on` stay words, and a number keeps the text it was written with, so that a version `1.10` given
without quotes is still `1.10` where text is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from typed_yaml.findings import Finding, InvalidFile

MAX_BYTES = 2_000_000
MAX_NODES = 200_000
MAX_DEPTH = 50

Position = tuple[int, int]
Location = tuple[str | int, ...]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_MAX_DIGITS = 18
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "seq", "map", "timestamp", "merge", "value")
)


class WrittenInt(int):
    """An integer that knows how it was written."""

    text: str


class WrittenFloat(float):
    """A number with a fraction that knows how it was written."""

    text: str


@dataclass(frozen=True)
class Document:
    """Data of one file and where each part of it stands."""

    name: str
    data: Any
    positions: Mapping[Location, Position] = field(repr=False)
    keys: Mapping[Location, Position] = field(repr=False)

    def finding(self, path: Location, message: str, *, key: bool = False) -> Finding:
        """The finding at `path`, or at the nearest thing above it that stands in the file."""
        table = self.keys if key else self.positions
        while path not in table and path:
            path = path[:-1]
            table = self.positions
        line, column = table.get(path, (1, 1))
        return Finding(self.name, line, column, message)


def read_document(path: Path) -> Document:
    """Read and parse a file. Raises InvalidFile, also when it can't be read."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidFile([Finding(str(path), 1, 1, f"can't be read: {error.strerror}")]) from error
    return parse_document(raw, str(path))


def parse_document(raw: bytes, name: str) -> Document:
    """Parse YAML text (UTF-8). Raises InvalidFile."""
    if len(raw) > MAX_BYTES:
        raise InvalidFile([Finding(name, 1, 1, f"is larger than {MAX_BYTES} bytes")])
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InvalidFile([Finding(name, line, 1, "is not UTF-8 text")]) from error
    node = _compose(text, name)
    builder = _Builder(name)
    data = builder.build(node, (), 0) if node is not None else None
    if builder.findings:
        raise InvalidFile(builder.findings)
    return Document(name, data, builder.positions, builder.keys)


def _compose(text: str, name: str) -> yaml.Node | None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = error.problem or error.context or "is not valid YAML"
        raise InvalidFile([Finding(name, line, column, f"not valid YAML: {problem}")]) from error
    except (yaml.YAMLError, RecursionError) as error:
        reason = getattr(error, "reason", "nested too deeply")
        raise InvalidFile([Finding(name, 1, 1, f"not valid YAML: {reason}")]) from error
    return node


class _Builder:
    """Walks the node graph once; every alias costs again, so expansion is bounded."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.positions: dict[Location, Position] = {}
        self.keys: dict[Location, Position] = {}
        self.findings: list[Finding] = []
        self._nodes = 0

    def build(self, node: yaml.Node, path: Location, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise InvalidFile([self._finding(node, f"expands to more than {MAX_NODES} values")])
        if depth > MAX_DEPTH:
            raise InvalidFile([self._finding(node, f"is nested deeper than {MAX_DEPTH} levels")])
        self.positions[path] = _position(node)
        if node.tag not in _PLAIN_TAGS:
            self.findings.append(self._finding(node, f"the tag {node.tag!r} is not allowed"))
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [
                self.build(item, (*path, index), depth + 1) for index, item in enumerate(node.value)
            ]
        return _scalar(node) if isinstance(node, yaml.ScalarNode) else None

    def _mapping(self, node: yaml.MappingNode, path: Location, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.findings.append(self._finding(key_node, "a key must be a word"))
                continue
            key = key_node.value
            if key in data:
                self.findings.append(
                    self._finding(key_node, f"the key '{key}' stands here a second time")
                )
                continue
            self.keys[(*path, key)] = _position(key_node)
            data[key] = self.build(value_node, (*path, key), depth + 1)
        return data

    def _finding(self, node: yaml.Node, message: str) -> Finding:
        return Finding(self.name, *_position(node), message)


def _position(node: yaml.Node) -> Position:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    if node.style:
        return text
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if len(text) <= _MAX_DIGITS and _INTEGER.fullmatch(text):
        integer = WrittenInt(text)
        integer.text = text
        return integer
    if len(text) <= _MAX_DIGITS and _FLOAT.fullmatch(text):
        number = WrittenFloat(text)
        number.text = text
        return number
    return text

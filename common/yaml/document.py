"""YAML text to plain data with the place of every value; hostile text is rejected, never expanded.

The values follow YAML 1.2's core schema: only `true` and `false` are booleans, so `no` and `on`
stay words. A number keeps the text it was written with, so an unquoted version `1.10` is still
`1.10` where text is expected.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from common.yaml.findings import Finding, InvalidFile
from common.yaml.written import WrittenFloat, WrittenInt

MAX_BYTES = 4_000_000
MAX_NODES = 400_000
MAX_DEPTH = 50
_MAX_MESSAGE = 500

Position = tuple[int, int]
Location = tuple[str | int, ...]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_MAX_DIGITS = 18
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "seq", "map", "timestamp", "merge", "value")
)


@dataclass(frozen=True)
class Document:
    """Data of one file and the place of each part of it."""

    name: str
    data: Any
    root: yaml.Node | None = field(default=None, repr=False)
    """The text's syntax tree, which has the places; None when the data was never text."""

    def finding(self, path: Location, message: str, *, key: bool = False) -> Finding:
        """A finding at `path`, or at the nearest parent of it that is in the file.

        With `key` it points to the last key of the path instead of its value.
        """
        short = message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]}…"
        return Finding(self.name, *self.position(path, key=key), short)

    def position(self, path: Location, *, key: bool = False) -> Position:
        """Line and column, from 1, of the value at `path`, or of its nearest parent in the file."""
        node = here = self.root
        for depth, step in enumerate(path, 1):
            found = _below(node, step)
            if found is None:
                break
            named, node = found
            here = named if key and depth == len(path) else node
        return (1, 1) if here is None else _position(here)


def read_document(path: Path) -> Document:
    """Read and parse a file. Raises InvalidFile, also when it cannot be read."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise InvalidFile([Finding(str(path), 1, 1, problem)]) from error
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
    with collection_paused():
        node = _compose(text, name)
        builder = _Builder(name)
        data = builder.build(node, 0) if node is not None else None
    if builder.findings:
        raise InvalidFile(builder.findings)
    return Document(name, data, node)


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the garbage collector while a tree grows: collecting costs more than reading.

    Measured: a file of 1 MB is composed in 0.2 s instead of 0.9 s. The tree's size is bounded here.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            # The new objects count as old from here; otherwise the next young collection, which
            # starts at once, would walk through all of them (0.2 s).
            gc.freeze()
            gc.unfreeze()
            gc.enable()


_MERGE = "<<"
_NO_MERGE = (
    "merge keys (<<) are not supported: use an alias for the whole value (`env: *name`), or "
    "`extends` and `defaults` for what several pipelines or steps have in common"
)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Leaves scalars as text: `_scalar` alone decides their types."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


def _compose(text: str, name: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = error.problem or error.context or "is not valid YAML"
        raise InvalidFile([Finding(name, line, column, f"not valid YAML: {problem}")]) from error
    except yaml.reader.ReaderError as error:
        # libyaml reports no place for it
        found = yaml.reader.Reader.NON_PRINTABLE.search(text)
        before = text[: found.start()] if found else ""
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        problem = f"not valid YAML: {error.reason}"
        raise InvalidFile([Finding(name, line, column, problem)]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidFile([Finding(name, 1, 1, "not valid YAML: nested too deeply")]) from error
    return node


class _Builder:
    """Walks the node graph once; every alias costs again, so expansion is bounded."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.findings: list[Finding] = []
        self._nodes = 0

    def build(self, node: yaml.Node, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise InvalidFile([self._finding(node, f"more than {MAX_NODES} values")])
        if depth > MAX_DEPTH:
            raise InvalidFile([self._finding(node, f"nested deeper than {MAX_DEPTH} levels")])
        if node.tag not in _PLAIN_TAGS:
            self.findings.append(self._finding(node, f"tag {node.tag!r} is not allowed"))
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, depth + 1) for item in node.value]
        return self._text(node) if isinstance(node, yaml.ScalarNode) else None

    def _text(self, node: yaml.ScalarNode) -> Any:
        if "\0" in node.value:
            # No file name, environment variable or program argument can contain one.
            self.findings.append(self._finding(node, "text must not contain a NUL character"))
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.findings.append(self._finding(key_node, "expected a single word as the key"))
                continue
            self._text(key_node)
            key = key_node.value
            if key == _MERGE and not key_node.style:
                self.findings.append(self._finding(key_node, _NO_MERGE))
                continue
            if key in data:
                self.findings.append(self._finding(key_node, f"duplicate key '{key}'"))
                continue
            data[key] = self.build(value_node, depth + 1)
        return data

    def _finding(self, node: yaml.Node, message: str) -> Finding:
        return Finding(self.name, *_position(node), message)


def _below(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """Key and value of `step` in a node (for a list, the item twice); None when it is missing."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == step:
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _position(node: yaml.Node) -> Position:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    if node.style:
        return text
    return None if text in ("", "~", "null") else plain_value(text)


def plain_value(text: str) -> bool | int | float | str:
    """The value of an unquoted word: a boolean, a number that keeps its text, or text."""
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

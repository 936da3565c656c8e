"""Plain data, as read from YAML and JSON, as dataclasses: for files that every command reads.

Not pydantic, which checks the files of pipelines: its import takes longer than a command that shows
the queue.

A parser takes a value and returns what it means. It raises ValueError with what is expected, or
Rejected when parts of the value are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from common.yaml.findings import InvalidFile, did_you_mean
from common.yaml.written import as_written

if TYPE_CHECKING:
    from common.yaml.document import Document, Location

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
Parser = Callable[[Any], T]

_PARSER = "parser"


class Problem(NamedTuple):
    """An error in a part of a value."""

    path: Location
    message: str
    is_key: bool = False
    """Whether the key at the end of the path is wrong, not its value."""

    def __str__(self) -> str:
        name = next((key for key in reversed(self.path) if isinstance(key, str)), "")
        return self.message if self.is_key or not name else f"{name}: {self.message}"


class Rejected(Exception):
    """A value has wrong parts."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def read_record(parser: Parser[T], document: Document) -> T:
    """The content of a document. Raises InvalidFile with every finding."""
    try:
        return parser({} if document.data is None else document.data)
    except ValueError as error:
        raise InvalidFile([document.finding((), str(error))]) from error
    except Rejected as error:
        found = [document.finding(p.path, str(p), key=p.is_key) for p in error.problems]
        raise InvalidFile(found) from error


def key(parser: Parser[Any], default: Any = MISSING, *, factory: Any = MISSING) -> Any:
    """A field of a dataclass that `record` fills; without a default the key is required."""
    return field(default=default, default_factory=factory, metadata={_PARSER: parser})


def record(kind: type[T], *, others: bool = False) -> Parser[T]:
    """A map whose keys are the fields of a dataclass. `others`: further keys are ignored."""
    known = fields(kind)  # type: ignore[arg-type]
    parsers = {one.name: one.metadata[_PARSER] for one in known}
    wanted = [one.name for one in known if one.default is one.default_factory is MISSING]

    def parse(value: Any) -> T:
        given = _checked_map(value)
        problems = [
            Problem((name,), f"unknown key '{name}'{did_you_mean(name, parsers)}", is_key=True)
            for name in given
            if name not in parsers and not others
        ]
        problems += [Problem((), f"missing key '{name}'") for name in wanted if name not in given]
        items = [(name, item, parsers[name]) for name, item in given.items() if name in parsers]
        return kind(**dict(_parsed(items, problems)))

    return parse


def map_of(parser: Parser[T], key_parser: Parser[str] = str) -> Parser[Mapping[str, T]]:
    """A map with any keys that `key_parser` accepts."""

    def parse(value: Any) -> Mapping[str, T]:
        given = _checked_map(value)
        problems = []
        for name in given:
            try:
                key_parser(name)
            except ValueError as error:
                problems.append(Problem((name,), str(error), is_key=True))
        return dict(_parsed([(name, item, parser) for name, item in given.items()], problems))

    return parse


def optional(parser: Parser[T]) -> Parser[T | None]:
    """A value for `parser`, or nothing."""
    return lambda value: None if value is None else parser(value)


def several(parser: Parser[T]) -> Parser[tuple[T, ...]]:
    """A list; a single value counts as a list of one."""

    def parse(value: Any) -> tuple[T, ...]:
        if isinstance(value, list):
            items = [(index, item, parser) for index, item in enumerate(value)]
            return tuple(item for _, item in _parsed(items, []))
        if isinstance(value, str | int | float):
            return (parser(value),)
        raise _expected("a list")

    return parse


def text(value: Any) -> str:
    """Text; an unquoted number or boolean counts as the text that was written."""
    found = as_written(value)
    if not isinstance(found, str):
        raise _expected("text")
    return found


def boolean(value: Any) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise _expected("true or false")
    return value


def one_of(kind: type[E]) -> Parser[E]:
    """A word of an enumeration."""

    def parse(value: Any) -> E:
        try:
            return kind(value)
        except ValueError:
            raise _expected(" or ".join(kind)) from None

    return parse


def integer(*, least: int, most: int | None = None) -> Parser[int]:
    """A whole number in these limits."""

    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _expected("an integer")
        if value < least:
            raise _expected(f"{least} or more")
        if most is not None and value > most:
            raise _expected(f"{most} or less")
        return value

    return parse


def number(*, above: float | None = None) -> Parser[float]:
    """A number; larger than `above` if that is given."""

    def parse(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _expected("a number")
        if above is not None and value <= above:
            raise _expected(f"more than {above:g}")
        return float(value)

    return parse


def _expected(what: str) -> ValueError:
    return ValueError(f"expected {what}")


def _checked_map(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _expected("a map: lines like `key: value`")
    return value


def _parsed(
    items: list[tuple[Any, Any, Parser[Any]]], problems: list[Problem]
) -> list[tuple[Any, Any]]:
    """The values, each with its place. Raises Rejected with `problems` and those of the values."""
    found = []
    for place, value, parser in items:
        try:
            found.append((place, parser(value)))
        except ValueError as error:
            problems.append(Problem((place,), str(error)))
        except Rejected as error:
            problems += [p._replace(path=(place, *p.path)) for p in error.problems]
    if problems:
        raise Rejected(problems)
    return found

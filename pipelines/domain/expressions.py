"""Conditions (`when:`) as frozen values, and their evaluation. Pure; nothing is ever executed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Protocol, TypeAlias

Scalar: TypeAlias = str | int | bool


class Status(StrEnum):
    """The words for the results of the earlier steps."""

    SUCCESS = "success"
    """Everything that the step needs succeeded, was up to date, or was skipped on purpose."""
    FAILURE = "failure"
    """An earlier step failed."""
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Reference:
    """A dotted name: `params.x`, `job.branch`, `steps.maven.outputs.version`."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number or boolean."""

    value: Scalar


Operand: TypeAlias = Reference | Literal


@dataclass(frozen=True, slots=True)
class Equal:
    """`left == right`."""

    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Matches:
    """`matches(value, 'glob', ...)`: whether one of the patterns matches the whole value."""

    value: Operand
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """`changed('glob', ...)`: whether the job changes a file that matches one of the patterns."""

    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """`not x`."""

    inner: Expression


@dataclass(frozen=True, slots=True)
class And:
    """`x and y`."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """`x or y`."""

    parts: tuple[Expression, ...]


Expression: TypeAlias = Status | Equal | Matches | Changed | Not | And | Or | Reference | Literal


@dataclass(frozen=True, slots=True)
class When:
    """A condition: its text and its meaning."""

    text: str
    expression: Expression

    def mentions(self, status: Status) -> bool:
        """Whether the condition contains the word."""
        return status in _walk(self.expression)

    @property
    def compares(self) -> bool:
        """Whether it asks which files the job changes."""
        return any(isinstance(part, Changed) for part in _walk(self.expression))


SUCCESS = When("success", Status.SUCCESS)


class Facts(Protocol):
    """The facts that conditions are evaluated against."""

    def holds(self, status: Status) -> bool:
        """Whether the earlier steps ended this way."""

    def value(self, reference: Reference) -> Scalar:
        """The value of a name, which was checked when the file was read."""

    def changed(self, patterns: tuple[str, ...]) -> bool:
        """Whether the job changes a file that matches one of the patterns."""


def evaluate(expression: Expression, facts: Facts) -> bool:
    """Whether the condition is true. A plain value is true unless it is empty, 0 or `false`."""
    match expression:
        case Status():
            return facts.holds(expression)
        case Changed(patterns):
            return facts.changed(patterns)
        case Not(inner):
            return not evaluate(inner, facts)
        case And(parts):
            return all(evaluate(part, facts) for part in parts)
        case Or(parts):
            return any(evaluate(part, facts) for part in parts)
    return _compare(expression, facts)


def _compare(expression: Equal | Matches | Operand, facts: Facts) -> bool:
    match expression:
        case Equal(left, right):
            return as_text(_value(left, facts)) == as_text(_value(right, facts))
        case Matches(value, patterns):
            text = as_text(_value(value, facts))
            return any(fnmatchcase(text, pattern) for pattern in patterns)
        case value:
            return as_text(_value(value, facts)) not in ("", "0", "false")


def as_text(value: Scalar) -> str:
    """A value as YAML writes it: `true`, not `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def references(expression: Expression) -> list[Reference]:
    """Every name in a condition."""
    return [part for part in _walk(expression) if isinstance(part, Reference)]


def _value(operand: Operand, facts: Facts) -> Scalar:
    return operand.value if isinstance(operand, Literal) else facts.value(operand)


def _walk(expression: Expression) -> list[Expression]:
    match expression:
        case Equal(left, right):
            inner: tuple[Expression, ...] = (left, right)
        case Matches(value, _):
            inner = (value,)
        case Not(part):
            inner = (part,)
        case And(parts) | Or(parts):
            inner = parts
        case _:
            inner = ()
    return [expression, *(found for part in inner for found in _walk(part))]

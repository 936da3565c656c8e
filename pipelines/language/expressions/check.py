"""Checks of conditions: their names, and the values that they compare parameters with."""

from __future__ import annotations

from collections.abc import Mapping

from common.yaml.findings import did_you_mean
from pipelines.domain.expressions import (
    And,
    Equal,
    Expression,
    Literal,
    Matches,
    Not,
    Operand,
    Or,
    Reference,
    Status,
    as_text,
    references,
)
from pipelines.language.entries import ParamEntry
from pipelines.language.expressions.references import Scope
from pipelines.language.params import read_param, value_problem


def with_matrix(expression: Expression, values: Mapping[str, str]) -> Expression:
    """The condition with the matrix values of its step in place of `matrix.x`."""
    match expression:
        case Not(inner):
            return Not(with_matrix(inner, values))
        case And(parts):
            return And(tuple(with_matrix(part, values) for part in parts))
        case Or(parts):
            return Or(tuple(with_matrix(part, values) for part in parts))
        case Equal(left, right):
            return Equal(_operand(left, values), _operand(right, values))
        case Matches(value, patterns):
            return Matches(_operand(value, values), patterns)
    return _operand(expression, values) if isinstance(expression, Reference) else expression


def check_condition(expression: Expression, scope: Scope, params: Mapping[str, ParamEntry]) -> None:
    """Raise ValueError for an unknown name, or for a value that a parameter cannot have."""
    for reference in references(expression):
        if len(reference.parts) == 1:
            hint = did_you_mean(str(reference), [*Status, "matches", "changed"])
            raise ValueError(f"unknown word '{reference}'{hint}")
        scope.check(reference)
    for comparison in _comparisons(expression):
        _check_comparison(comparison, params)


def _operand(operand: Operand, values: Mapping[str, str]) -> Operand:
    if isinstance(operand, Reference) and operand.parts[0] == "matrix":
        name = ".".join(operand.parts[1:])
        return Literal(values[name]) if name in values else operand
    return operand


def _comparisons(expression: Expression) -> list[Equal]:
    match expression:
        case Equal():
            return [expression]
        case Not(inner):
            return _comparisons(inner)
        case And(parts) | Or(parts):
            return [found for part in parts for found in _comparisons(part)]
    return []


def _check_comparison(comparison: Equal, params: Mapping[str, ParamEntry]) -> None:
    for one, other in (
        (comparison.left, comparison.right),
        (comparison.right, comparison.left),
    ):
        if isinstance(one, Reference) and isinstance(other, Literal) and one.parts[0] == "params":
            param, _ = read_param(one.parts[1], params[one.parts[1]])
            problem = value_problem(param, as_text(other.value))
            if problem:
                raise ValueError(f"{one}: {problem}")

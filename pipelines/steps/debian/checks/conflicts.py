"""Which packages of a source can be installed together, by their own declarations. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from debian.debian_support import Version

from pipelines.steps.debian.dependencies.relations import field_relations

MOST_SETS = 8
_EXCLUDING = ("Conflicts", "Breaks")
_COMPARE = {
    "<<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    ">=": lambda a, b: a >= b,
    ">>": lambda a, b: a > b,
}

Control = Mapping[str, str]
"""The control paragraph of a package."""


def conflicting_pairs(controls: Sequence[Control]) -> list[tuple[str, str]]:
    """Names of packages that cannot be installed at once."""
    return [
        (one["Package"], other["Package"])
        for one, other in combinations(controls, 2)
        if one["Package"] != other["Package"] and (_excludes(one, other) or _excludes(other, one))
    ]


def installable_sets(
    names: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> list[tuple[str, ...]]:
    """The largest sets without a conflict that together contain every package; at most 8."""
    sets: list[frozenset[str]] = [frozenset(names)]
    for one, other in pairs:
        halves = (
            half
            for each in sets
            for half in ((each - {one}, each - {other}) if {one, other} <= each else (each,))
        )
        distinct = list(dict.fromkeys(halves))
        sets = [each for each in distinct if not any(each < more for more in distinct)]
        if len(sets) > MOST_SETS:
            return _covering(names, pairs)
    return [tuple(name for name in names if name in each) for each in sets]


def _covering(names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Fewer sets that still contain every package: each filled from the left."""
    apart = {frozenset(pair) for pair in pairs}
    found: list[tuple[str, ...]] = []
    for name in names:
        if not any(name in each for each in found):
            chosen = [name]
            for other in names:
                if other != name and not any(frozenset((other, one)) in apart for one in chosen):
                    chosen.append(other)
            found.append(tuple(chosen))
    return found[:MOST_SETS]


def _excludes(one: Control, other: Control) -> bool:
    return any(
        _names(relation, other) for field in _EXCLUDING for relation in _relations(one, field)
    )


def _relations(package: Control, field: str) -> list[Mapping[str, Any]]:
    groups = field_relations(package.get(field, ""))
    return [each for group in groups for each in group if each["name"]]


def _names(relation: Mapping[str, Any], package: Control) -> bool:
    """Whether a relation like `a (<< 2)` matches the package, or something that it provides."""
    wanted = relation["version"]
    if relation["name"] == package["Package"]:
        return wanted is None or _fits(package["Version"], wanted)
    return any(
        wanted is None or (each["version"] and _fits(each["version"][1], wanted))
        for each in _relations(package, "Provides")
        if each["name"] == relation["name"]
    )


def _fits(version: str, wanted: tuple[str, str]) -> bool:
    operator, limit = wanted
    return bool(_COMPARE[operator](Version(version), Version(limit)))

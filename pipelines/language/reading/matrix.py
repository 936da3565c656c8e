"""`matrix`: one step expanded to several, one for each combination of values. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import ValidationError

from common.yaml.findings import did_you_mean
from pipelines.domain.expressions import Reference
from pipelines.language.entries import MAX_MATRIX, MatrixEntry
from pipelines.language.expressions.references import MARK, replace_references
from pipelines.language.located import Path
from pipelines.language.names import MAX_NAME
from pipelines.language.reading.inheritance import name_of

Problem = tuple[Path, str]
_CONTROL = ("include", "exclude")
_NAMES = ("name", "needs")
_LEFT_ALONE = ("matrix", "run", "when")


@dataclass(frozen=True, slots=True)
class Combination:
    """One value for each name: as written, and as text."""

    values: Mapping[str, Any]
    texts: Mapping[str, str]

    def fits(self, wanted: Mapping[str, str]) -> bool:
        """Whether it has all these values."""
        return all(self.texts.get(name) == text for name, text in wanted.items())

    def with_more(self, other: Combination) -> Combination:
        """Add the values of another combination."""
        return Combination({**self.values, **other.values}, {**self.texts, **other.texts})


def combinations(data: Any) -> tuple[list[Combination], list[Problem]]:
    """All combinations of a matrix, in the file's order, and its errors.

    Both are empty when the matrix is not a `MatrixEntry`: the step reader then reports why.
    """
    try:
        entry = MatrixEntry.model_validate(data)
    except ValidationError:
        return [], []
    names = entry.names
    count = 1
    for values in names.values():
        count *= len(values)
    if count + len(entry.include) > MAX_MATRIX:
        return [], [((), f"more than {MAX_MATRIX} combinations")]
    made = _product(data, names) if names else []
    problems = _exclusion_problems(entry, made)
    made = [one for one in made if not any(one.fits(gone) for gone in entry.exclude)]
    made = _included(data, entry, made)
    if not made and not problems:
        problems.append(((), "no combination is left"))
    return made, problems


def _product(data: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]) -> list[Combination]:
    pairs = [
        [(name, raw, text) for raw, text in zip(_listed(data[name]), texts, strict=True)]
        for name, texts in names.items()
    ]
    return [
        Combination({n: raw for n, raw, _ in chosen}, {n: text for n, _, text in chosen})
        for chosen in product(*pairs)
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _exclusion_problems(entry: MatrixEntry, made: list[Combination]) -> list[Problem]:
    problems: list[Problem] = []
    for index, gone in enumerate(entry.exclude):
        unknown = [name for name in gone if name not in entry.names]
        for name in unknown:
            hint = did_you_mean(name, entry.names)
            problems.append((("exclude", index), f"unknown matrix name '{name}'{hint}"))
        if not unknown and not any(one.fits(gone) for one in made):
            problems.append((("exclude", index), "no combination has these values"))
    return problems


def _included(
    data: Mapping[str, Any], entry: MatrixEntry, made: list[Combination]
) -> list[Combination]:
    """Values of each `include` added to matching combinations; without a match it is a new one."""
    raws = _listed(data.get("include", []))
    for raw, texts in zip(raws, entry.include, strict=True):
        more = Combination(raw, texts)
        own = {name: text for name, text in texts.items() if name in entry.names}
        fitting = [one.fits(own) for one in made]
        if any(fitting):
            made = [
                one.with_more(more) if fits else one
                for one, fits in zip(made, fitting, strict=True)
            ]
        else:
            made = [*made, more]
    return made


def suffix(texts: Mapping[str, str]) -> str:
    """The values as a part of a step's name: `17-bookworm`."""
    return "-".join(filter(None, map(_slug, texts.values())))


def _slug(text: str) -> str:
    """The text as a part of a name; one that is too long stays too long and is reported."""
    plain = re.sub(r"[^a-z0-9._]+", "-", text[: MAX_NAME + 1].lower())
    return re.sub(r"[-._]{2,}", "-", plain).strip("-._")


def expanded(step: Mapping[str, Any], combination: Combination) -> dict[str, Any]:
    """The step with the combination's values; its script keeps the names."""
    made = {
        key: _replaced(value, combination.texts if key in _NAMES else combination.values, key)
        if key not in _LEFT_ALONE
        else value
        for key, value in step.items()
        if key != "matrix"
    }
    name = name_of(step)
    if not (isinstance(step.get("name"), str) and MARK in step["name"]):
        made["name"] = f"{name}-{suffix(combination.texts)}"
    return made


def _replaced(value: Any, values: Mapping[str, Any], key: str) -> Any:
    def lookup(reference: Reference) -> Any:
        root, *rest = reference.parts
        name = ".".join(rest)
        if root != "matrix" or name not in values:
            return reference
        return _slug(values[name]) if key in _NAMES else values[name]

    try:
        return replace_references(value, lookup)
    except ValueError:
        return value  # the step reader reports its errors

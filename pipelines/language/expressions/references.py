"""`${{ name }}` in the texts of a pipeline: finding it, reading it, which names there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from common.yaml.findings import did_you_mean
from pipelines.domain.expressions import Reference, Scalar, as_text
from pipelines.language.names import variable

JOB_NAMES = ("id", "branch", "commit", "attempt", "builder")
_JOB_VARIABLES = {
    "id": "BUILD_JOB",
    "branch": "BUILD_BRANCH",
    "commit": "BUILD_COMMIT",
    "attempt": "BUILD_ATTEMPT",
    "builder": "BUILD_BUILDER",
}
_PREFIXES = {"params": "PARAM", "secrets": "SECRET", "matrix": "MATRIX"}
_ROOTS = ("job", "matrix", "params", "secrets", "steps")
_OUTPUT_PARTS = 4

MARK = "${{"
_PLACEHOLDER = re.compile(r"\$\{\{([^{}]*)\}\}")
_REFERENCE = re.compile(r"[A-Za-z][\w-]*(\.[A-Za-z0-9][\w-]*)*")

Lookup = Callable[[Reference], Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """The names that are known at one place of the file."""

    params: Collection[str] = ()
    secrets: Collection[str] = ()
    """Only where a value may be secret: in `env`, and so in scripts."""
    matrix: Collection[str] = ()
    outputs: Callable[[], Mapping[str, Collection[str]]] = dict
    """Gives the names of the values that each step before gives."""
    job: Collection[str] = JOB_NAMES

    def check_all(self, references: Iterable[Reference]) -> None:
        """Raise ValueError, with the nearest right name, for a name that is not known."""
        for reference in references:
            self.check(reference)

    def check(self, reference: Reference) -> None:
        """Raise ValueError, with the nearest right name, when the name is not known."""
        root, *rest = reference.parts
        if root not in _ROOTS:
            raise ValueError(f"there is no name '{reference}'{did_you_mean(root, _ROOTS)}")
        if root == "steps":
            self._check_output(reference)
        elif len(rest) != 1:
            raise ValueError(f"'{reference}' is no name: {root}.NAME is wanted")
        else:
            self._check_word(root, rest[0])

    def _check_word(self, root: str, name: str) -> None:
        known: Collection[str] = getattr(self, root)
        if name in known:
            return
        if not known:
            raise ValueError(f"there is no '{root}.{name}' here: {_NONE[root]}")
        raise ValueError(f"there is no '{root}.{name}'{did_you_mean(name, known)}")

    def _check_output(self, reference: Reference) -> None:
        if len(reference.parts) != _OUTPUT_PARTS or reference.parts[2] != "outputs":
            raise ValueError(f"'{reference}' is no name: steps.STEP.outputs.NAME is wanted")
        _, step, _, name = reference.parts
        outputs = self.outputs()
        if step not in outputs:
            hint = did_you_mean(step, outputs) or ": it needs none"
            raise ValueError(f"'{step}' is not a step that this one needs{hint}")
        if name not in outputs[step]:
            hint = did_you_mean(name, outputs[step]) or ": it gives none"
            raise ValueError(f"step '{step}' gives no value '{name}'{hint}")


_NONE = {
    "params": "the pipeline has no params",
    "matrix": "the step has no matrix",
    "secrets": "a secret can stand only in env and run, and the pipeline has to name it in secrets",
    "job": "the job is not known yet",
}


def parse_reference(text: str) -> Reference:
    """The name between `${{` and `}}`. Raises ValueError."""
    stripped = text.strip()
    if not _REFERENCE.fullmatch(stripped):
        raise ValueError(f"'${{{{{text}}}}}' can't be read: a name like params.version is wanted")
    return reference(stripped)


def reference(text: str) -> Reference:
    """The name that `text` is; the name of a step may have dots of its own."""
    step, outputs, value = text.rpartition(".outputs.")
    if outputs and step.startswith("steps."):
        return Reference(("steps", step.removeprefix("steps."), "outputs", value))
    return Reference(tuple(text.split(".")))


def references_in(text: str) -> list[Reference]:
    """Every reference of a text. Raises ValueError when one has no end, or can't be read."""
    found = [parse_reference(match[1]) for match in _PLACEHOLDER.finditer(text)]
    if text.count(MARK) != len(found):
        raise ValueError("a '${{' has no '}}'")
    return found


def replace_references(value: Any, lookup: Lookup) -> Any:
    """Plain data with each reference replaced.

    A text that is nothing but one reference becomes its value, with the value's type; inside a
    longer text the value becomes text. A `lookup` that gives a Reference leaves it as it stands.
    """
    if isinstance(value, dict):
        return {key: replace_references(item, lookup) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(replace_references(item, lookup) for item in value)
    if not isinstance(value, str) or MARK not in value:
        return value
    whole = _PLACEHOLDER.fullmatch(value.strip())
    if whole:
        found = lookup(parse_reference(whole[1]))
        return value if isinstance(found, Reference) else found
    return replace_in_text(value, lookup)


def replace_in_text(text: str, lookup: Lookup) -> str:
    """A text with the text of each value in place of its reference."""
    return _PLACEHOLDER.sub(lambda match: _inline(match, lookup), text)


def _inline(match: re.Match[str], lookup: Lookup) -> str:
    found = lookup(parse_reference(match[1]))
    return match[0] if isinstance(found, Reference) else _text(found)


def _text(value: Scalar | None) -> str:
    return "" if value is None else as_text(value)


def texts_in(
    value: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each text of plain data that has a reference in it, with its path."""
    if isinstance(value, str):
        if MARK in value:
            yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts_in(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from texts_in(item, (*path, index))


def environment_name(reference: Reference) -> str:
    """The environment variable in which a script finds the value of a reference."""
    root, *rest = reference.parts
    if root == "job":
        return _JOB_VARIABLES[rest[0]]
    if root == "steps":
        return f"STEP_{variable(rest[0])}_{variable(rest[-1])}"
    return f"{_PREFIXES[root]}_{variable(rest[0])}"

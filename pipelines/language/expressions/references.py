"""References, `${{ name }}`, in the texts of a pipeline: finding, parsing and checking them."""

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
    """Returns the names of the values of each earlier step."""
    job: Collection[str] = JOB_NAMES

    def check_all(self, references: Iterable[Reference]) -> None:
        """Raise ValueError, with the closest known name, for an unknown name."""
        for reference in references:
            self.check(reference)

    def check(self, reference: Reference) -> None:
        """Raise ValueError, with the closest known name, if the name is unknown."""
        root, *rest = reference.parts
        if root not in _ROOTS:
            raise ValueError(f"unknown name '{reference}'{did_you_mean(root, _ROOTS)}")
        if root == "steps":
            self._check_output(reference)
        elif len(rest) != 1:
            raise ValueError(f"expected {root}.NAME, found '{reference}'")
        else:
            self._check_word(root, rest[0])

    def _check_word(self, root: str, name: str) -> None:
        known: Collection[str] = getattr(self, root)
        if name in known:
            return
        if not known:
            raise ValueError(f"unknown name '{root}.{name}': {_NONE[root]}")
        raise ValueError(f"unknown name '{root}.{name}'{did_you_mean(name, known)}")

    def _check_output(self, reference: Reference) -> None:
        if len(reference.parts) != _OUTPUT_PARTS or reference.parts[2] != "outputs":
            raise ValueError(f"expected steps.STEP.outputs.NAME, found '{reference}'")
        _, step, _, name = reference.parts
        outputs = self.outputs()
        if step not in outputs:
            hint = did_you_mean(step, outputs) or " (it needs none)"
            raise ValueError(f"this step does not need a step '{step}'{hint}")
        if name not in outputs[step]:
            hint = did_you_mean(name, outputs[step]) or " (it has none)"
            raise ValueError(f"unknown value '{name}' of step '{step}'{hint}")


_NONE = {
    "params": "the pipeline has no params",
    "matrix": "the step has no matrix",
    "secrets": "only env and run may refer to secrets, and the pipeline must list them in secrets",
    "job": "the job is not known yet",
}


def parse_reference(text: str) -> Reference:
    """The name between `${{` and `}}`. Raises ValueError."""
    stripped = text.strip()
    if not _REFERENCE.fullmatch(stripped):
        raise ValueError(f"expected a name such as params.version, found '${{{{{text}}}}}'")
    return reference(stripped)


def reference(text: str) -> Reference:
    """Parse a name; the name of a step in it may contain dots."""
    step, outputs, value = text.rpartition(".outputs.")
    if outputs and step.startswith("steps."):
        return Reference(("steps", step.removeprefix("steps."), "outputs", value))
    return Reference(tuple(text.split(".")))


def references_in(text: str) -> list[Reference]:
    """Every reference of a text. Raises ValueError when one is unclosed or malformed."""
    found = [parse_reference(match[1]) for match in _PLACEHOLDER.finditer(text)]
    if text.count(MARK) != len(found):
        raise ValueError("unclosed '${{': expected '}}'")
    return found


def replace_references(value: Any, lookup: Lookup) -> Any:
    """Plain data with each reference replaced.

    A text that is one reference and nothing else becomes its value, with the value's type. Inside a
    longer text the value becomes text. A `lookup` that returns a Reference leaves it unchanged.
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
    """A text with each reference replaced by its value as text."""
    return _PLACEHOLDER.sub(lambda match: _inline(match, lookup), text)


def _inline(match: re.Match[str], lookup: Lookup) -> str:
    found = lookup(parse_reference(match[1]))
    return match[0] if isinstance(found, Reference) else _text(found)


def _text(value: Scalar | None) -> str:
    return "" if value is None else as_text(value)


def texts_in(
    value: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each text in plain data that contains a reference, with its path."""
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
    """The environment variable that holds the value of a reference for a script."""
    root, *rest = reference.parts
    if root == "job":
        return _JOB_VARIABLES[rest[0]]
    if root == "steps":
        return f"STEP_{variable(rest[0])}_{variable(rest[-1])}"
    return f"{_PREFIXES[root]}_{variable(rest[0])}"

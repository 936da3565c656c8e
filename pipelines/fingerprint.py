"""What makes a step up to date, and the reason when it is not. Pure.

A fingerprint keeps its parts readable instead of one digest, so that the reason can name the part
that changed with its old and its new value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.model import Source, Step

Fingerprint = Mapping[str, Mapping[str, str]]
"""Group (`definition`, `environment`, `tools`, `upstream`) to named values."""

_MAX_SHOWN = 60


@dataclass(frozen=True, slots=True)
class ReasonToRun:
    """Why a step has to run; `text` is for people."""

    text: str


def fingerprint(
    step: Step, source: Source, identity: Mapping[str, str], upstream: Mapping[str, str]
) -> Fingerprint:
    """All that the step's result depends on.

    `identity` comes from the step's kind; `upstream` has the result digest of each needed step.
    """
    options = step.options.model_dump(mode="json")
    return {
        "definition": {
            "uses": step.kind.name,
            "source": source.repository,
            "submodules": json.dumps(source.submodules),
            **{f"with.{key}": json.dumps(value) for key, value in options.items()},
        },
        "environment": dict(step.env),
        "inputs": dict(identity),
        "upstream": dict(upstream),
    }


def first_difference(old: Fingerprint, new: Fingerprint) -> ReasonToRun | None:
    """The first part that is not what it was, or None when all is equal."""
    for group in new:
        before, after = old.get(group, {}), new[group]
        for key in sorted({*before, *after}):
            if before.get(key) != after.get(key):
                return _changed(group, key, before.get(key), after.get(key))
    return None


def result_digest(outputs: Mapping[str, str], values: Mapping[str, Any]) -> str:
    """Digest of what a step made: its outputs' digests and its values."""
    text = json.dumps([dict(outputs), dict(values)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _changed(group: str, key: str, before: str | None, after: str | None) -> ReasonToRun:
    if group == "upstream":
        return ReasonToRun(f"step {key} gave another result")
    shown_before, shown_after = _shown(before), _shown(after)
    return ReasonToRun(f"{group}: {key} was {shown_before}, is {shown_after}")


def _shown(value: str | None) -> str:
    if value is None:
        return "not set"
    return value if len(value) <= _MAX_SHOWN else f"{value[:_MAX_SHOWN]}…"

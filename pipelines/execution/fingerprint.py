"""Whether a step is up to date, and why not. Pure.

A fingerprint keeps its parts readable instead of one digest, so that the reason can name the part
that changed with its old and its new value.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipelines.domain.network import Network
from pipelines.domain.pipeline import Step

Fingerprint = Mapping[str, Mapping[str, str]]
"""Group (`definition`, `environment`, `inputs`, `files`, `upstream`) to named values."""

NO_RESULT = "none"
"""The result of a step without a record."""

_FIELDS = ("dir", "inputs", "outputs", "artifacts", "values")
_MAX_SHOWN = 60
_OF_BUILDER = " of the builder"
_OBJECT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FILE = re.compile(rf"([0-7]{{6}}) ({_OBJECT_ID.pattern})")
_PLAIN_FILE = "100644"


@dataclass(frozen=True, slots=True)
class ReasonToRun:
    """Why a step must run; `text` is for people."""

    text: str


def fingerprint(
    step: Step,
    *,
    identity: Mapping[str, str],
    builder_env: Mapping[str, str],
    files: Mapping[str, str],
    upstream: Mapping[str, str],
) -> Fingerprint:
    """Everything that the step's result depends on.

    `identity` comes from the step's kind, `files` has the object ids of its `inputs:`, `upstream`
    the result digest of each needed step: a step with `inputs:` depends only on these.
    `builder_env` is the environment that the builder's owner declared; its values are stored as
    digests, because some are secrets.
    """
    options = step.options.model_dump(mode="json")
    below = {name: value for name, value in builder_env.items() if name not in step.env}
    return {
        "definition": {
            "uses": step.kind.name,
            **{f"with.{key}": json.dumps(value) for key, value in options.items()},
            **{name: json.dumps(value) for name in _FIELDS if (value := getattr(step, name))},
            **({} if step.network is Network.HOST else {"network": step.network}),
        },
        "environment": {
            **dict(step.env),
            **{f"{name}{_OF_BUILDER}": _short(value) for name, value in below.items()},
        },
        "inputs": dict(identity),
        "files": dict(files),
        "upstream": {} if step.inputs else dict(upstream),
    }


def first_difference(old: Fingerprint, new: Fingerprint) -> ReasonToRun | None:
    """The first part that has changed, or None when all are equal."""
    return next(differences(old, new), None)


def differences(old: Fingerprint, new: Fingerprint) -> Iterator[ReasonToRun]:
    """Each part that has changed."""
    for group in new:
        before, after = old.get(group, {}), new[group]
        for key in sorted({*before, *after}):
            if before.get(key) != after.get(key):
                yield _changed(group, key, before.get(key), after.get(key))


def result_digest(outputs: Mapping[str, str], made_from: Fingerprint | None) -> str:
    """Digest of a step's result, from the digests of its outputs.

    `made_from` is the fingerprint of a step that made more than its outputs: the rest counts as
    unchanged while the fingerprint is.
    """
    text = json.dumps([dict(outputs), made_from], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _changed(group: str, key: str, before: str | None, after: str | None) -> ReasonToRun:
    if group == "upstream" and after in (None, NO_RESULT):
        return ReasonToRun(f"step {key} has no recorded result now (was {_id(before)})")
    if group == "upstream":
        return ReasonToRun(f"the result of step {key} changed: was {_id(before)}, is {_id(after)}")
    if key.endswith(_OF_BUILDER):
        # Others read the reason, and a short secret can be guessed from its digest.
        how = "changed" if before and after else "not set, is set" if after else "set, is not set"
        return ReasonToRun(f"{group}: {key} was {how}")
    shown_before, shown_after = _shown(before), _shown(after)
    return ReasonToRun(f"{group}: {key} was {shown_before}, is {shown_after}")


def _shown(value: str | None) -> str:
    if value is None:
        return "not set"
    if _OBJECT_ID.fullmatch(value):
        return _id(value)
    if file := _FILE.fullmatch(value):
        mode, content = file.groups()
        return _id(content) if mode == _PLAIN_FILE else f"{_id(content)} (mode {mode})"
    return value if len(value) <= _MAX_SHOWN else f"{value[:_MAX_SHOWN]}…"


def _id(value: str | None) -> str:
    return value[:12] if value else "none"


def _short(value: str) -> str:
    return f"sha256:{hashlib.sha256(value.encode()).hexdigest()[:12]}"

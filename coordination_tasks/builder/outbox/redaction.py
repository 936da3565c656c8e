"""Keeps secrets out of what a build tells of itself, before it is kept or sent.

A build must not stop because a tool printed a token: what looks like one is withheld, line by
line, and what is declared as a secret is masked wherever it stands.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from coordination_tasks.documents.codec import transition_line
from coordination_tasks.domain.model import Transition
from coordination_tasks.domain.secret_scan import findings, may_hold_one, note, withhold
from coordination_tasks.store.attempt_commands import AttemptCommand, Complete, Record

MASK = "***"
_SHORTEST = 4


def redact(text: str, secrets: Collection[str]) -> str:
    """`text` without the values of declared secrets, nor single lines of them."""
    parts = {part.strip() for secret in secrets for part in (secret, *secret.splitlines())}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SHORTEST:
            text = text.replace(part, MASK)
    return text


def without_secrets(command: AttemptCommand, secrets: Collection[str]) -> AttemptCommand:
    """The command with `secrets` masked, and what looks like a secret withheld."""
    if isinstance(command, Complete):
        done = command.completion
        cleaned = replace(
            done,
            reason=_clean(done.reason, secrets),
            manifest=_clean_document(done.manifest, secrets),
            transitions=_clean_all(done.transitions, secrets),
        )
        return replace(command, completion=cleaned)
    transitions = _clean_all(command.transitions, secrets)
    if isinstance(command, Record):
        plan = _clean_document(command.plan, secrets)
        return replace(command, transitions=transitions, plan=plan)
    return replace(command, transitions=transitions, reason=_clean(command.reason, secrets))


def _clean_all(
    transitions: tuple[Transition, ...], secrets: Collection[str]
) -> tuple[Transition, ...]:
    return tuple(_clean_transition(transition, secrets) for transition in transitions)


def _clean_transition(transition: Transition, secrets: Collection[str]) -> Transition:
    if _is_harmless(transition, secrets):
        return transition
    cleaned = replace(
        transition,
        reason=_clean(transition.reason, secrets),
        log=None if transition.log is None else _clean(transition.log, secrets),
        details=_clean_data(transition.details, secrets),
    )
    # a name and its value may be harmless each, and a secret side by side
    for found in findings(transition_line(cleaned)):
        return replace(cleaned, details={"withheld": note(found.rule)})
    return cleaned


def _is_harmless(transition: Transition, secrets: Collection[str]) -> bool:
    """Quick, for the many that hide nothing: one look at all that the others look at in turn."""
    details = transition.details
    texts = (
        transition.reason,
        transition.log or "",
        *_texts(details),
        json.dumps(details, ensure_ascii=False) if details else "",
        transition_line(transition),
    )
    whole = "\n".join(texts)
    return redact(whole, secrets) == whole and not may_hold_one(whole)


def _texts(value: Any) -> Iterator[str]:
    """Each key and text in a JSON value, as it is before JSON writes it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _clean_document(data: bytes | None, secrets: Collection[str]) -> bytes | None:
    """A JSON document; untouched when there is nothing to hide."""
    if data is None:
        return None
    text = data.decode("utf-8", "replace")
    if redact(text, secrets) == text and not any(findings(text)):
        return data
    value = _clean_data(json.loads(data), secrets)
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _clean_data(value: Any, secrets: Collection[str]) -> Any:
    if isinstance(value, str):
        return _clean(value, secrets)
    if isinstance(value, Mapping):
        return {
            _clean(str(key), secrets): _clean_member(str(key), item, secrets)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean_data(item, secrets) for item in value]
    return value


def _clean_member(key: str, value: Any, secrets: Collection[str]) -> Any:
    cleaned = _clean_data(value, secrets)
    if isinstance(cleaned, str):
        for found in findings(json.dumps({key: cleaned}, ensure_ascii=False)):
            return note(found.rule)
    return cleaned


def _clean(text: str, secrets: Collection[str]) -> str:
    return withhold(redact(text, secrets))

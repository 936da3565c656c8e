"""Keeps secrets out of a build's records, before they are stored or sent.

A build must not stop because a tool printed a token: lines that look like secrets are withheld,
and declared secrets are masked wherever they appear.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from common.redaction import mask, mask_secrets
from coordination_tasks.documents.codec import transition_line
from coordination_tasks.domain.model import Transition
from coordination_tasks.domain.secret_scan import findings, may_hold_one, note, withhold
from coordination_tasks.store.attempt_commands import AttemptCommand, Complete, Record

Hide = Callable[[str], str]
"""Masks the declared secrets in a text."""


def without_secrets(command: AttemptCommand, secrets: Collection[str]) -> AttemptCommand:
    """The command with `secrets` masked, and lines that look like secrets withheld."""
    hide = partial(mask, secrets=secrets)
    if isinstance(command, Complete):
        done = command.completion
        cleaned = replace(
            done,
            reason=_clean(done.reason, hide),
            manifest=_clean_document(done.manifest, hide),
            transitions=_clean_all(done.transitions, hide),
            log=_clean(done.log, hide),
        )
        return replace(command, completion=cleaned)
    transitions = _clean_all(command.transitions, hide)
    if isinstance(command, Record):
        # later attempts use the plan: addresses in it stay, and the planner has masked the source
        plan = _clean_document(command.plan, partial(mask_secrets, secrets=secrets))
        return replace(command, transitions=transitions, plan=plan)
    return replace(command, transitions=transitions, reason=_clean(command.reason, hide))


def clean_document(data: bytes, secrets: Collection[str]) -> bytes:
    """A document as it will be sent: without secrets."""
    return _clean_document(data, partial(mask, secrets=secrets)) or b""


def _clean_all(transitions: tuple[Transition, ...], hide: Hide) -> tuple[Transition, ...]:
    return tuple(_clean_transition(transition, hide) for transition in transitions)


def _clean_transition(transition: Transition, hide: Hide) -> Transition:
    if _is_clean(transition, hide):
        return transition
    cleaned = replace(
        transition,
        reason=_clean(transition.reason, hide),
        log=None if transition.log is None else _clean(transition.log, hide),
        details=_clean_data(transition.details, hide),
    )
    # a name and its value may be harmless alone, but a secret together
    for found in findings(transition_line(cleaned)):
        return replace(cleaned, details={"withheld": note(found.rule)})
    return cleaned


def _is_clean(transition: Transition, hide: Hide) -> bool:
    """A quick check for the common case without secrets: all texts in one scan."""
    details = transition.details
    texts = (
        transition.reason,
        transition.log or "",
        *_texts(details),
        json.dumps(details, ensure_ascii=False) if details else "",
        transition_line(transition),
    )
    whole = "\n".join(texts)
    return hide(whole) == whole and not may_hold_one(whole)


def _texts(value: Any) -> Iterator[str]:
    """Each key and text in a JSON value, before JSON escapes it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _clean_document(data: bytes | None, hide: Hide) -> bytes | None:
    """A document, mostly of JSON; unchanged when there is nothing to hide."""
    if data is None:
        return None
    text = data.decode("utf-8", "replace")
    try:
        value = json.loads(data)
    except ValueError:
        cleaned = _clean(text, hide)
        return data if cleaned == text else cleaned.encode()
    # its texts, too: JSON writes a quotation mark in a secret in another way
    texts = "\n".join((text, *_texts(value)))
    if hide(texts) == texts and not any(findings(text)):
        return data
    return (json.dumps(_clean_data(value, hide), indent=2, ensure_ascii=False) + "\n").encode()


def _clean_data(value: Any, hide: Hide) -> Any:
    if isinstance(value, str):
        return _clean(value, hide)
    if isinstance(value, Mapping):
        return {
            _clean(str(key), hide): _clean_member(str(key), item, hide)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean_data(item, hide) for item in value]
    return value


def _clean_member(key: str, value: Any, hide: Hide) -> Any:
    cleaned = _clean_data(value, hide)
    if isinstance(cleaned, str):
        for found in findings(json.dumps({key: cleaned}, ensure_ascii=False)):
            return note(found.rule)
    return cleaned


def _clean(text: str, hide: Hide) -> str:
    return withhold(hide(text))

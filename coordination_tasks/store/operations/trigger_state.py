"""`coordination/triggers.json`: what each trigger has seen, so that a commit is queued once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from coordination_tasks.documents import json_edit
from coordination_tasks.documents.paths import TRIGGERS
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.timestamps import format_time, parse_time
from coordination_tasks.repository.draft import Draft

_NEW = json_edit.dump({"triggers": {}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A person's request that a trigger starts nothing."""

    by: str
    at: datetime | None
    reason: str = ""

    def __str__(self) -> str:
        since = f" since {format_time(self.at)}" if self.at else ""
        return f"paused by {self.by}{since}{f': {self.reason}' if self.reason else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerState:
    """What a trigger has seen; what is in it starts nothing any more."""

    at: datetime | None = None
    """Since when it is watched: what was earlier starts nothing."""
    by: str = ""
    """The builder that recorded it last."""
    branches: Mapping[str, str] = field(default_factory=dict)
    """The last commit of each branch."""
    tags: Mapping[str, str] = field(default_factory=dict)
    patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The patterns of `branches` and `tags` by which it was recorded."""
    runs: Mapping[str, datetime] = field(default_factory=dict)
    """The last time of each schedule."""
    paused: Pause | None = None


def read_states(data: bytes | None) -> Mapping[str, TriggerState]:
    """The states by the names of triggers. Raises BrokenDocument: without it all would start."""
    raws = _entries(data)
    return {name: _state(name, raw) for name, raw in raws.items() if raw is not None}


def write_state(draft: Draft, name: str, state: TriggerState | None) -> None:
    """Set the state of a trigger; None: it has seen nothing."""
    data = draft.read(TRIGGERS)
    kept = _entries(data).get(name)
    members = None if state is None else (kept if isinstance(kept, dict) else {}) | _members(state)
    text = _NEW if data is None else json_edit.decode(TRIGGERS, data)
    draft.write(TRIGGERS, json_edit.set_entry(text, "triggers", name, members).encode())


def _entries(data: bytes | None) -> Mapping[str, object]:
    text = _NEW if data is None else json_edit.decode(TRIGGERS, data)
    raws = json_edit.parse_object(TRIGGERS, text).get("triggers", {})
    if not isinstance(raws, dict):
        raise BrokenDocument(f"{TRIGGERS} is broken: `triggers` is not an object")
    return raws


def _state(name: str, raw: object) -> TriggerState:
    if not isinstance(raw, dict):
        raise BrokenDocument(f"{TRIGGERS} is broken: {name[:80]} is not an object")
    runs = {key: parse_time(value) for key, value in _map(name, raw, "runs").items()}
    patterns = _map(name, raw, "patterns")
    paused = raw.get("paused")
    return TriggerState(
        at=parse_time(raw.get("at")),
        by=str(raw.get("by") or ""),
        branches={key: str(value) for key, value in _map(name, raw, "branches").items()},
        tags={key: str(value) for key, value in _map(name, raw, "tags").items()},
        patterns={
            key: tuple(map(str, value))
            for key, value in patterns.items()
            if isinstance(value, list)
        },
        runs={key: moment for key, moment in runs.items() if moment},
        paused=_pause(paused) if isinstance(paused, dict) else None,
    )


def _map(name: str, raw: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = raw.get(key) or {}
    if not isinstance(found, dict):
        raise BrokenDocument(f"{TRIGGERS} is broken: `{key}` of {name[:80]} is not an object")
    return found


def _pause(raw: Mapping[str, object]) -> Pause:
    return Pause(
        by=str(raw.get("by") or "somebody"),
        at=parse_time(raw.get("at")),
        reason=str(raw.get("reason") or ""),
    )


def _members(state: TriggerState) -> dict[str, object]:
    paused = state.paused
    return {
        "at": format_time(state.at) if state.at else None,
        "by": state.by,
        "branches": dict(state.branches),
        "tags": dict(state.tags),
        "patterns": {key: list(value) for key, value in state.patterns.items()},
        "runs": {key: format_time(moment) for key, moment in state.runs.items()},
        "paused": None
        if paused is None
        else {
            "by": paused.by,
            "at": format_time(paused.at) if paused.at else None,
            "reason": paused.reason,
        },
    }

"""`coordination/alerts.json`: the open alerts, and who tells people about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from coordination_tasks.documents import json_edit
from coordination_tasks.documents.paths import ALERTS
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.timestamps import format_time, parse_time
from coordination_tasks.repository.draft import Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One cause, from its begin until people know that it is over."""

    kind: str
    text: str
    pipeline: str = ""
    since: datetime | None
    told_at: datetime | None = None
    """When people were told; None: not yet."""
    ended_at: datetime | None = None
    """When it was over; None: it lasts."""
    once: bool = False
    """Whether it is an event, which does not end."""
    sender: str = ""
    """The builder that is telling people now."""
    sender_at: datetime | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    """What a channel calls it, such as the number of an issue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertState:
    """All of them."""

    alerts: Mapping[str, Alert] = field(default_factory=dict)
    """By the key of the cause."""
    sent_at: datetime | None = None
    """When the last message was sent."""
    events: tuple[str, ...] | None = None
    """Keys of events that need no message any more; None: none was looked for yet."""


def read_alerts(data: bytes | None) -> AlertState:
    """The state. Raises BrokenDocument: without it everything would be told again."""
    if data is None:
        return AlertState()
    raw = json_edit.parse_object(ALERTS, json_edit.decode(ALERTS, data))
    alerts, events = raw.get("alerts", {}), raw.get("events")
    if not isinstance(alerts, dict) or not isinstance(events, list | None):
        raise BrokenDocument(f"{ALERTS} is broken: `alerts` is not an object, or `events` no list")
    return AlertState(
        alerts={key: _alert(key, each) for key, each in alerts.items()},
        sent_at=parse_time(raw.get("sent_at")),
        events=None if events is None else tuple(map(str, events)),
    )


def write_alerts(draft: Draft, state: AlertState) -> None:
    """Make it the state of the farm."""
    document = {
        "alerts": {key: _members(alert) for key, alert in state.alerts.items()},
        "sent_at": _time(state.sent_at),
        "events": None if state.events is None else list(state.events),
    }
    draft.write(ALERTS, json_edit.dump(document).encode())


def _alert(key: str, raw: object) -> Alert:
    if not isinstance(raw, dict):
        raise BrokenDocument(f"{ALERTS} is broken: {key[:80]} is not an object")
    links = raw.get("links")
    return Alert(
        kind=str(raw.get("kind") or ""),
        text=str(raw.get("text") or ""),
        pipeline=str(raw.get("pipeline") or ""),
        since=parse_time(raw.get("since")),
        told_at=parse_time(raw.get("told_at")),
        ended_at=parse_time(raw.get("ended_at")),
        once=raw.get("once") is True,
        sender=str(raw.get("sender") or ""),
        sender_at=parse_time(raw.get("sender_at")),
        links={str(k): str(v) for k, v in links.items()} if isinstance(links, dict) else {},
    )


def _members(alert: Alert) -> dict[str, object]:
    return {
        "kind": alert.kind,
        "text": alert.text,
        "pipeline": alert.pipeline,
        "since": _time(alert.since),
        "told_at": _time(alert.told_at),
        "ended_at": _time(alert.ended_at),
        "once": alert.once,
        "sender": alert.sender,
        "sender_at": _time(alert.sender_at),
        "links": dict(alert.links),
    }


def _time(moment: datetime | None) -> str | None:
    return format_time(moment) if moment else None

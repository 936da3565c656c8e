"""From what is wrong now to what is to be told, by whom. Pure: a transaction applies it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from coordination_tasks.farm.alerts.causes import Findings
from coordination_tasks.store.operations.alert_state import Alert, AlertState

_PATIENCE = timedelta(minutes=5)
"""A sender that has not finished after this has died: another one takes over."""
MOST_IN_ONE = 100
"""Notices of one message; the others come with the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What people are to be told about one alert."""

    key: str
    alert: Alert

    @property
    def is_over(self) -> bool:
        """Whether it tells of the end."""
        return self.alert.ended_at is not None


def settle(
    before: AlertState, found: Findings, *, builder: str, digest: float, now: datetime
) -> tuple[AlertState, tuple[Notice, ...]]:
    """The new state, and what `builder` is to tell people: it is the only one.

    `digest`: seconds between two messages of the farm.
    """
    alerts = _lasting(before.alerts, found, now)
    for key, cause in found.active.items():
        if key not in alerts:
            alerts[key] = Alert(
                kind=cause.kind, text=cause.text, pipeline=cause.pipeline, since=now
            )
    events = found.events or {}
    # what had happened before anybody asked is told to nobody
    told = (
        tuple(events) if before.events is None else tuple(k for k in before.events if k in events)
    )
    for key, cause in events.items():
        if key not in told and key not in alerts:
            alerts[key] = Alert(
                kind=cause.kind, text=cause.text, pipeline=cause.pipeline, since=now, once=True
            )
    known = None if found.events is None else told
    state = AlertState(alerts=alerts, sent_at=before.sent_at, events=known)
    if state.sent_at and timedelta() <= now - state.sent_at < timedelta(seconds=digest):
        # what begins and ends before the next message is told to nobody
        return replace(before, events=known), ()
    due = [key for key, alert in alerts.items() if _is_due(alert, now)][:MOST_IN_ONE]
    if not due:
        return state, ()
    for key in due:
        alerts[key] = replace(alerts[key], sender=builder, sender_at=now)
    notices = tuple(Notice(key=key, alert=alerts[key]) for key in due)
    return replace(state, alerts=alerts, sent_at=now), notices


def mark_told(
    state: AlertState,
    notices: Collection[Notice],
    links: Mapping[str, Mapping[str, str]],
    now: datetime,
) -> AlertState:
    """The state after the messages were sent; `links` by the key of the alert."""
    alerts = dict(state.alerts)
    events = list(state.events or ())
    for notice in notices:
        alert = alerts.get(notice.key)
        if alert is None or alert.sender != notice.alert.sender:
            continue
        if notice.is_over or alert.once:
            del alerts[notice.key]
            events += [notice.key] * alert.once
        else:
            alerts[notice.key] = replace(
                alert, told_at=now, sender="", sender_at=None, links=dict(links.get(notice.key, {}))
            )
    return replace(state, alerts=alerts, events=None if state.events is None else tuple(events))


def _lasting(before: Mapping[str, Alert], found: Findings, now: datetime) -> dict[str, Alert]:
    alerts = {}
    for key, alert in before.items():
        is_over = not alert.once and key not in found.active and found.over(key)
        if is_over and alert.told_at is None and not alert.sender:
            continue  # nobody needs to know
        if is_over and alert.ended_at is None:
            alert = replace(alert, ended_at=now, sender="", sender_at=None)  # noqa: PLW2901
        elif key in found.active and alert.ended_at:
            alert = replace(alert, ended_at=None, sender="", sender_at=None)  # noqa: PLW2901
        alerts[key] = alert
    return alerts


def _is_due(alert: Alert, now: datetime) -> bool:
    if alert.told_at is not None and alert.ended_at is None:
        return False
    return alert.sender_at is None or now - alert.sender_at > _PATIENCE

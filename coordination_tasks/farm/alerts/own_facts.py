"""What only this builder knows: its disk, its outbox, its way to the repository, its pipelines.

When it cannot push, nobody else learns of it, and no transaction decides who tells: it tells
itself, by a state on its own disk.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from common.atomic_files import replace_file
from common.settings.farm import AlertsEntry
from common.yaml.size import format_size
from coordination_tasks.domain.timestamps import elapsed, format_time, parse_time
from coordination_tasks.farm.alerts.causes import CONFIGURATION, Cause, Findings
from coordination_tasks.store.operations.alert_state import Alert, AlertState

DISK, PUSHES, OUTBOX = "disk", "push_failures", "outbox_waits"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFacts:
    """What holds on this builder now."""

    builder: str
    disk_free: int
    """Bytes in `state_dir`."""
    outbox_since: datetime | None
    """When the oldest record that waits was made; None: none waits."""
    away_since: datetime | None
    """Since when the coordination repository does not answer; None: it does."""
    pipelines_problem: str
    """Why no pipelines can be used, or the branch of theirs cannot be read; "": they can."""


def own_causes(facts: OwnFacts, rules: AlertsEntry, now: datetime) -> Findings:
    """What is wrong on this builder; everything else is over.

    The keys name it, since who gets the notices hears those of other builders, too.
    """
    on = f"builder {facts.builder}"
    active = {}
    if rules.disk is not None and facts.disk_free < rules.disk:
        text = f"{on}: only {format_size(facts.disk_free)} of disk free"
        active[f"{DISK}:{facts.builder}"] = Cause(kind=DISK, text=text)
    waited = _seconds(facts.outbox_since, now)
    if rules.outbox_waits is not None and waited > rules.outbox_waits:
        text = f"{on}: records wait for {elapsed(waited)} to be sent; see `doit outbox`"
        active[f"{OUTBOX}:{facts.builder}"] = Cause(kind=OUTBOX, text=text)
    away = _seconds(facts.away_since, now)
    if rules.push_failures is not None and away > rules.push_failures:
        text = f"{on}: the coordination repository does not answer for {elapsed(away)}"
        active[f"{PUSHES}:{facts.builder}"] = Cause(kind=PUSHES, text=text)
    if rules.configuration and facts.pipelines_problem:
        text = f"{on}: {facts.pipelines_problem}"
        active[f"{CONFIGURATION}:{facts.builder}"] = Cause(kind=CONFIGURATION, text=text[:500])
    return Findings(active=active, over=lambda _key: True)


def _seconds(since: datetime | None, now: datetime) -> float:
    return (now - since).total_seconds() if since else 0.0


@dataclass(frozen=True, slots=True)
class OwnAlerts:
    """The open alerts of this builder, in a file."""

    file: Path

    def read(self) -> AlertState:
        """The state; empty when there is no file, or no readable one."""
        try:
            found = json.loads(self.file.read_bytes())
            return AlertState(
                alerts={key: _alert(each) for key, each in found["alerts"].items()},
                sent_at=parse_time(found["sent_at"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return AlertState()

    def write(self, state: AlertState) -> None:
        """Replace it. Raises OSError."""
        document = {
            "alerts": {key: _members(alert) for key, alert in state.alerts.items()},
            "sent_at": format_time(state.sent_at) if state.sent_at else None,
        }
        replace_file(self.file, json.dumps(document).encode())


def _members(alert: Alert) -> dict[str, object]:
    return {
        "kind": alert.kind,
        "text": alert.text,
        "since": format_time(alert.since) if alert.since else None,
        "told_at": format_time(alert.told_at) if alert.told_at else None,
        "links": dict(alert.links),
    }


def _alert(raw: Mapping[str, object]) -> Alert:
    links = raw["links"]
    return Alert(
        kind=str(raw["kind"]),
        text=str(raw["text"]),
        since=parse_time(raw["since"]),
        told_at=parse_time(raw["told_at"]),
        links={str(k): str(v) for k, v in links.items()} if isinstance(links, dict) else {},
    )

"""The alerts of a builder: what they look at, and whom they tell."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from common.errors import ApplicationError, one_line
from common.settings.farm import AnswerEntry, read_farm_file
from common.settings.notify import Notify
from common.yaml.findings import InvalidFile
from coordination_tasks.build.ports import Pipelines, SourceState
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.builder.secret_values import Secrets
from coordination_tasks.domain.errors import BadConfiguration
from coordination_tasks.domain.timestamps import parse_time, utc_now
from coordination_tasks.farm.alerts.causes import Observed
from coordination_tasks.farm.alerts.channels.choice import Channels
from coordination_tasks.farm.alerts.own_facts import OwnAlerts, OwnFacts
from coordination_tasks.farm.alerts.sending import Sending
from coordination_tasks.farm.alerts.turn import Alerts, Rules
from coordination_tasks.farm.messages.mailbox import Mailbox
from coordination_tasks.farm.presence.observations import Presence
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store


@dataclass(slots=True)
class AlertWiring:
    """Joins the alerts of a builder with what its watch knows."""

    config: BuilderConfig
    pipelines: Pipelines
    store: Store
    outbox: Outbox
    notice: Callable[[str], None]
    _presences: Mapping[str, Presence] = field(init=False, default_factory=dict)

    def see(self, presences: Mapping[str, Presence]) -> None:
        """What the last look said of the other builders."""
        self._presences = presences

    def alerts(
        self,
        snapshot: Callable[[], Snapshot | None],
        failing_since: Callable[[], datetime | None],
    ) -> Alerts:
        """The alerts; `failing_since` says since when the repository cannot be used."""
        return Alerts(
            builder=self.config.profile.id,
            store=self.store,
            snapshot=snapshot,
            observed=lambda: observed(self.pipelines, self._presences),
            facts=lambda: own_facts(self.config, self.pipelines, self.outbox, failing_since()),
            rules=lambda: read_rules(self.pipelines),
            sending=lambda rules: sending(self.config, rules, self.store, self.notice),
            own=own_alerts(self.config),
            clock=utc_now,
            notice=self.notice,
        )


def own_alerts(config: BuilderConfig) -> OwnAlerts:
    """The open alerts that only this builder knows."""
    return OwnAlerts(config.state_dir / "alerts.json")


def read_rules(pipelines: Pipelines) -> Rules:
    """What is to be told, and to whom. Raises ApplicationError."""
    try:
        farm = read_farm_file(pipelines.file())
    except InvalidFile as error:
        raise BadConfiguration(str(error)) from error
    notify: dict[str, Sequence[Notify]] = {}
    if farm.channels:
        try:
            notify = {name: terms.notify for name, terms in pipelines.known.items()}
        except ApplicationError:
            notify = {}  # the alert about it must be told all the same
    return Rules(farm=farm, notify=notify)


def answer_rules(pipelines: Pipelines) -> Mapping[str, AnswerEntry]:
    """By which rules builders answer messages; none while the file cannot be read: alerts say so.

    Raises ApplicationError.
    """
    try:
        return read_farm_file(pipelines.file()).answers
    except InvalidFile:
        return {}


def sending(
    config: BuilderConfig, rules: Rules, store: Store, notice: Callable[[str], None]
) -> Sending:
    """What sends by these rules."""
    return Sending(
        farm=rules.farm,
        notify=rules.notify,
        channels=Channels(lambda: Secrets(os.environ, config.secrets_file), Mailbox(store)),
        notice=notice,
        sleep=time.sleep,
    )


def observed(pipelines: Pipelines, presences: Mapping[str, Presence]) -> Observed:
    """What this builder knows of the farm besides its documents."""
    state = _source_state(pipelines)
    bad = state is not None and state.problem and not state.is_away
    return Observed(
        presences=presences,
        pipelines_problem=(state.tip[:12], state.problem) if state and bad else ("", ""),
        pipelines_fine=state is not None and not state.problem,
    )


def own_facts(
    config: BuilderConfig, pipelines: Pipelines, outbox: Outbox, failing_since: datetime | None
) -> OwnFacts:
    """What holds on this builder now."""
    pending = outbox.pending()
    return OwnFacts(
        builder=config.profile.id,
        disk_free=shutil.disk_usage(config.state_dir).free,
        outbox_since=parse_time(pending[0].submitted_at) if pending else None,
        away_since=failing_since,
        pipelines_problem=_pipelines_problem(pipelines),
    )


def _pipelines_problem(pipelines: Pipelines) -> str:
    try:
        _ = pipelines.known
        state = pipelines.source_state()
    except ApplicationError as error:
        return one_line(error)
    return f"pipelines source: {state.problem}" if state and state.is_away else ""


def _source_state(pipelines: Pipelines) -> SourceState | None:
    try:
        return pipelines.source_state()
    except ApplicationError:
        return None

"""`doit alerts`: what is wrong in the farm, and whether people can be told."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.views.farm_page import Section
from coordination_tasks.commands.views.output import write_lines, write_section
from coordination_tasks.documents.paths import ALERTS
from coordination_tasks.domain.errors import CoordinationError
from coordination_tasks.domain.timestamps import format_time, utc_now
from coordination_tasks.farm.alerts.causes import Cause, find_causes
from coordination_tasks.farm.alerts.message import Message
from coordination_tasks.farm.alerts.own_facts import own_causes
from coordination_tasks.store.operations.alert_state import Alert, read_alerts
from coordination_tasks.wiring.alerts import observed, own_alerts, own_facts, read_rules, sending
from coordination_tasks.wiring.reading import LiveReading, find_presences, open_reading
from coordination_tasks.wiring.store import open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A cause, and whether people were told."""

    key: str
    kind: str
    text: str
    pipeline: str | None
    since: datetime | None
    told_at: datetime | None


class AlertsCommand(FarmCommand):
    """doit command."""

    name = "alerts"
    doc_purpose = "show what is wrong in the farm, or try the channels that tell people"
    doc_usage = "[--test] [--json]"
    doc_description = """
Shows each cause that lasts, since when it is known, and when people were told (TOLD), by the rules
of farm.yaml beside the pipelines file. `doit work` and `doit watch` tell, of all builders one.
What only a builder knows (its disk, its outbox, its way to the repository) is shown there alone.

--test sends a message through each channel, with the secrets of this builder.

Exit codes: 0 shown, or all channels took the message, 1 one did not, or cannot reach the
coordination repository, 3 bad configuration or usage.
"""
    group = "look"
    cmd_options = (
        {"name": "test", "long": "test", "type": bool, "default": False,
         "help": "send a message through each channel"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(self, test: bool, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        config = self.farm.config(builder)
        if test:
            return self._test(config, json=json)
        with (
            open_reading(config, tell) as reading,
            Outbox(config.state_dir / "outbox.sqlite") as outbox,
        ):
            self.show_outage(reading.outage, json=json)
            found = [*self._of_farm(config, reading), *self._of_builder(config, outbox)]
        if json:
            sys.stdout.write(as_json([asdict(each) for each in found]) + "\n")
        elif found:
            write_section(_section(found))
        else:
            write_lines(["nothing is wrong"])
        return 0

    def _of_farm(self, config: BuilderConfig, reading: LiveReading) -> Iterator[_Shown]:
        snapshot, pipelines = reading.snapshot, self.farm.pipelines
        presences = {} if reading.outage else find_presences(config, snapshot)
        rules = read_rules(pipelines)
        found = find_causes(
            snapshot, rules.farm.alerts, observed(pipelines, presences), (), utc_now()
        )
        yield from _shown(found.active, read_alerts(snapshot.read(ALERTS)).alerts)

    def _of_builder(self, config: BuilderConfig, outbox: Outbox) -> Iterator[_Shown]:
        pipelines = self.farm.pipelines
        facts = own_facts(config, pipelines, outbox, None)
        found = own_causes(facts, read_rules(pipelines).farm.alerts, utc_now())
        yield from _shown(found.active, own_alerts(config).read().alerts)

    def _test(self, config: BuilderConfig, *, json: bool) -> int:
        rules = read_rules(self.farm.pipelines)
        results = []
        with open_store(config, tell) as store:
            channels = sending(config, rules, store, tell).channels
            for name, entry in rules.farm.channels.items():
                title = f"test of channel {name} by builder {config.profile.id}"
                message = Message(title=title, body="Nothing is wrong.", notices=())
                try:
                    channels.open(name, entry).send(message)
                    results.append({"name": name, "problem": None})
                except CoordinationError as error:
                    results.append({"name": name, "problem": str(error)})
        if json:
            sys.stdout.write(as_json(results) + "\n")
        else:
            lines = [each["problem"] or f"channel {each['name']}: sent" for each in results]
            write_lines(lines or ["farm.yaml names no channel"])
        return 1 if any(each["problem"] for each in results) else 0


def _shown(causes: Mapping[str, Cause], alerts: Mapping[str, Alert]) -> Iterator[_Shown]:
    for key, cause in causes.items():
        alert = alerts.get(key)
        yield _Shown(
            key=key,
            kind=cause.kind,
            text=cause.text,
            pipeline=cause.pipeline or None,
            since=alert.since if alert else None,
            told_at=alert.told_at if alert else None,
        )


def _section(found: list[_Shown]) -> Section:
    return Section(
        titles=("KIND", "SINCE", "TOLD", "WHAT"),
        rows=[
            (
                each.kind,
                format_time(each.since) if each.since else "-",
                format_time(each.told_at) if each.told_at else "-",
                each.text,
            )
            for each in found
        ],
        styles=["red" for _ in found],
        droppable=("TOLD", "SINCE"),
        wrap=True,
    )

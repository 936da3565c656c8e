"""The watch of a builder: what it does while it is idle, in the order of a turn."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from coordination_tasks.build.attempt.own_plans import ended_alone, own_plans
from coordination_tasks.build.attempt.running_attempt import running_attempt
from coordination_tasks.build.display.choice import make_display
from coordination_tasks.build.ports import Pipelines
from coordination_tasks.builder.claim_intent import own_intent
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.lock import while_idle
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.alerts.turn import Alerts
from coordination_tasks.farm.artifacts.releases.good_builds import prune_good_builds
from coordination_tasks.farm.housekeeping import Housekeeping, PeriodicHousekeeping
from coordination_tasks.farm.messages.answers import Answers
from coordination_tasks.farm.presence.observer import Observer
from coordination_tasks.farm.triggers.looks import TriggerLooks
from coordination_tasks.farm.watch import Watch
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.alerts import AlertWiring, answer_rules
from coordination_tasks.wiring.clones import marks, push_budget, step_logs
from coordination_tasks.wiring.pipelines import PipelinesLook
from coordination_tasks.wiring.renewal import renew_destinations
from coordination_tasks.wiring.triggers import trigger_looks
from coordination_tasks.wiring.upkeep import beater, observer

_LONGEST_END = 5.0
"""Seconds to wait for a look at sources, and for a message; then they end with the process."""


def make_watch(
    pipelines: Pipelines,
    config: BuilderConfig,
    store: Store,
    outbox: Outbox,
    notice: Callable[[str], None],
    *,
    person: str = "",
) -> Watch:
    """The watch of this builder; `notice` receives lines about its actions.

    `person`: see Observer and Watch.
    """
    display = make_display(sys.stdout, verbose=False)
    logs, budget = step_logs(config), push_budget(config)
    alerts = AlertWiring(config, pipelines, store, outbox, notice)
    look = observer(config, store, notice, alerts.see, person=person)

    def send_logs() -> None:
        if logs.unsent() and budget.has_room():
            logs.send()

    definitions = PipelinesLook(pipelines=pipelines, state_dir=config.state_dir)
    triggers = trigger_looks(config, pipelines, store, look, notice)
    answers = _answers(config, pipelines, store, look, notice)
    told = alerts.alerts(lambda: look.snapshot, lambda: watch.failing_since)

    watch = Watch(
        builder=config.profile.id,
        store=store,
        outbox=outbox,
        intent=own_intent(config.state_dir),
        observer=look,
        beater=beater(config, store, look, announces=True),
        send_logs=send_logs,
        housekeeping=PeriodicHousekeeping(
            housekeeping=lambda: Housekeeping(
                store=store, ages=config.ages, now=utc_now(), notice=notice, report=notice
            ),
            monotonic=time.monotonic,
            notice=notice,
            also=lambda: _each_hour(pipelines, config, notice),
        ),
        also=(definitions.look, triggers.run_due, told.run_due, answers.run_due),
        end=lambda: _end(pipelines, triggers, told),
        heartbeat=config.heartbeat,
        sweep=pipelines.workspaces(config.state_dir).sweep,
        ended=lambda attempt, recorded: ended_alone(
            own_plans(config.state_dir, pipelines.planner),
            pipelines.planner,
            running_attempt(attempt, config, display),
            recorded,
        ),
        while_idle=lambda: while_idle(config),
        clock=utc_now,
        notice=notice,
        person=person,
    )
    return watch


def _each_hour(pipelines: Pipelines, config: BuilderConfig, notice: Callable[[str], None]) -> None:
    for name in renew_destinations(pipelines, config):
        notice(f"signed the index of destination {name} again: it would have expired")
    prune_good_builds(marks(config), config.keep_good_builds)


def _answers(
    config: BuilderConfig,
    pipelines: Pipelines,
    store: Store,
    look: Observer,
    notice: Callable[[str], None],
) -> Answers:
    return Answers(
        builder=config.profile.id,
        store=store,
        snapshot=lambda: look.snapshot,
        rules=lambda: answer_rules(pipelines),
        has_room=push_budget(config).has_room,
        clock=utc_now,
        notice=notice,
    )


def _end(pipelines: Pipelines, triggers: TriggerLooks, told: Alerts) -> None:
    triggers.end(lambda: pipelines.cancel("the watch ends"), _LONGEST_END)
    told.wait(_LONGEST_END)

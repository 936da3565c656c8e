"""`doit watch`: what runs on a builder all the time, also while it builds nothing."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from common.command import OPTION_BUILDER, tell
from coordination_tasks.build.attempt.running_attempt import running_attempt
from coordination_tasks.build.display.live_display import make_display
from coordination_tasks.build.signals import ending_signals
from coordination_tasks.builder.claim_intent import own_intent
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.lock import watch_lock, while_idle
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.commands.base import FarmCommand, no_arguments, open_store
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.housekeeping import Housekeeping, StandingHousekeeping
from coordination_tasks.farm.watch import Watch
from coordination_tasks.store.store import Store
from coordination_tasks.wiring import beater, observer


class WatchCommand(FarmCommand):
    """doit command."""

    name = "watch"
    doc_purpose = "show that this builder lives, and take jobs from builders that don't"
    doc_usage = "[--builder ID]"
    doc_description = """

Runs until SIGINT, SIGTERM or SIGHUP. Sends heartbeats while no `doit build` runs here, sends what
waits in the outbox, gives back the job of a build that was killed here, and queues the job of any
builder again that gives no sign of life for the length of its lease. Once an hour it looks
whether much is due for `doit housekeeping`, and does it then.

Exit codes: 0 ended by a signal, 3 bad configuration, or another watch runs for this builder.
"""
    cmd_options = (OPTION_BUILDER,)

    def _execute(self, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        config = self.read_config(builder)
        ended = threading.Event()
        with (
            ending_signals(lambda _: ended.set()),
            watch_lock(config),
            open_store(config) as store,
            Outbox(config.state_dir / "outbox.sqlite") as outbox,
        ):
            watch = make_watch(self.loader.namespace, config, store, outbox, tell)
            tell(f"watching as builder {config.profile.id}, every {config.observe_every:g} s")
            while not ended.is_set():
                watch.turn()
                ended.wait(config.observe_every)
        return 0


def make_watch(
    space: Mapping[str, Any],
    config: BuilderConfig,
    store: Store,
    outbox: Outbox,
    notice: Callable[[str], None],
) -> Watch:
    """The watch of this builder; `space` is that of dodo.py, `notice` is told what was done."""
    display = make_display(sys.stdout, verbose=False)
    return Watch(
        builder=config.profile.id,
        store=store,
        outbox=outbox,
        intent=own_intent(config.state_dir),
        observer=observer(config, store, notice),
        beater=beater(config, store),
        housekeeping=StandingHousekeeping(
            housekeeping=lambda: Housekeeping(
                store=store, ages=config.ages, now=utc_now(), notice=notice
            ),
            monotonic=time.monotonic,
            notice=notice,
        ),
        heartbeat=config.heartbeat,
        sweep=lambda: space["sweep_orphans"](config.state_dir),
        ended=lambda attempt, plan: space["PLANNER"].ended_alone(
            plan, running_attempt(attempt, config, display)
        ),
        while_idle=lambda: while_idle(config),
        clock=utc_now,
        notice=notice,
    )

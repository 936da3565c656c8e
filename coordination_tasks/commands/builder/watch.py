"""`doit watch`: what runs on a builder all the time, also while it builds nothing."""

from __future__ import annotations

import threading

from common.cli.command import OPTION_BUILDER, tell
from coordination_tasks.build.signals import ending_signals
from coordination_tasks.builder.lock import watch_lock
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.commands.base import FarmCommand, no_arguments
from coordination_tasks.wiring.store import open_store
from coordination_tasks.wiring.upkeep import make_watch


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
    group = "farm"
    cmd_options = (OPTION_BUILDER,)

    def _execute(self, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        config = self.farm.config(builder)
        ended = threading.Event()
        with (
            ending_signals(lambda _: ended.set()),
            watch_lock(config),
            open_store(config, tell) as store,
            Outbox(config.state_dir / "outbox.sqlite") as outbox,
        ):
            watch = make_watch(self.farm.pipelines, config, store, outbox, tell)
            tell(f"watching as builder {config.profile.id}, every {config.observe_every:g} s")
            while not ended.is_set():
                watch.turn()
                ended.wait(config.observe_every)
        return 0

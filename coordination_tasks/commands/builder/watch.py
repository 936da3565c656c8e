"""`doit watch`: runs on a builder permanently, even while it is idle."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from coordination_tasks.build.signals import ending_signals
from coordination_tasks.builder.lock import watch_lock
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.commands.base import FarmCommand, as_json_line, no_arguments
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.wiring.store import open_store
from coordination_tasks.wiring.watch import make_watch


class WatchCommand(FarmCommand):
    """doit command."""

    name = "watch"
    doc_purpose = "send heartbeats, and requeue the jobs of dead builders"
    doc_usage = "[--json] [--builder ID]"
    doc_description = """

Runs until SIGINT, SIGTERM or SIGHUP. Sends heartbeats while no `doit build` is running here, sends
waiting entries of the outbox, releases the job of a killed build of this builder, and requeues the
job of any builder without a heartbeat for its lease. Once an hour, runs `doit housekeeping` if
enough is due. With --json it prints one object on each line.

Exit codes: 0 ended by a signal, 3 bad configuration, or another watch of this builder is running.
"""
    group = "farm"
    cmd_options = (OPTION_JSON, OPTION_BUILDER)

    def _execute(self, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        config = self.farm.config(builder)
        notice = _as_lines(config.profile.id) if json else tell
        ended = threading.Event()
        with (
            ending_signals(lambda _: ended.set()),
            watch_lock(config),
            open_store(config, notice) as store,
            Outbox(config.state_dir / "outbox.sqlite") as outbox,
        ):
            watch = make_watch(self.farm.pipelines, config, store, outbox, notice)
            notice(f"watching as builder {config.profile.id}, every {config.observe_every:g} s")
            try:
                while not ended.is_set():
                    watch.run_due()
                    ended.wait(config.observe_every)
            finally:
                watch.end()
        return 0


def _as_lines(builder: str) -> Callable[[str], None]:
    """Prints each notice as a line of JSON."""

    def notice(text: str) -> None:
        line = as_json_line({"at": utc_now(), "builder": builder, "notice": text})
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    return notice

"""`doit work`: everything that a builder does, in one process."""

from __future__ import annotations

from collections.abc import Callable

from common.cli.command import OPTION_BUILDER, tell
from coordination_tasks.build.signals import ending_signals
from coordination_tasks.builder.lock import watch_lock
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.commands.base import FarmCommand, no_arguments
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.farm.work.loop import Until
from coordination_tasks.wiring.store import open_store
from coordination_tasks.wiring.watch import make_watch
from coordination_tasks.wiring.work import make_work


class WorkCommand(FarmCommand):
    """doit command."""

    name = "work"
    doc_purpose = "build job after job, and do all that doit watch does"
    doc_usage = "[--finish] [--once | --until-idle] [--builder ID]"
    doc_description = """

Runs until SIGINT, SIGTERM or SIGHUP. Builds each job by a `doit build` of its own, and looks for
new jobs every 3 s, less often where the remote is slow or the farm has more than 15 builders.
Neither a job that fails nor a broken pipelines file ends it. A drained builder waits.

A signal ends the job, which is queued again; with --finish the first signal lets it end. systemd
gets READY, STATUS and WATCHDOG from the loop itself. A build without a sign of life for 20 minutes
is killed, and its job queued again.

--once ends with the exit code of the build; so does --until-idle if the last build could not even
claim a job.

Exit codes:
  0  ended by a signal, or idle (--until-idle)
  1  the repository is unreachable (--once, --until-idle)
  3  bad configuration, or another watch or work of this builder is running
  4  nothing to build (--once)
"""
    group = "build"
    cmd_options = (
        {"name": "finish", "long": "finish", "type": bool, "default": False,
         "help": "finish the current job when a signal arrives; a second signal queues it again"},
        {"name": "once", "long": "once", "type": bool, "default": False,
         "help": "end after one build, with its exit code"},
        {"name": "until_idle", "long": "until-idle", "type": bool, "default": False,
         "help": "end when no job is left that this builder can claim"},
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self, finish: bool, once: bool, until_idle: bool, builder: str, pos_args: list[str]
    ) -> int:
        no_arguments(pos_args)
        if once and until_idle:
            raise BadRequest("--once and --until-idle exclude each other")
        config = self.farm.config(builder)
        with (
            watch_lock(config),
            open_store(config, tell) as store,
            Outbox(config.state_dir / "outbox.sqlite") as outbox,
        ):
            notice = _each_once()
            watch = make_watch(self.farm.pipelines, config, store, outbox, notice)
            work = make_work(
                self.farm.home,
                config,
                self.farm.pipelines,
                watch,
                until=Until.ONE_BUILD if once else Until.IDLE if until_idle else Until.NEVER,
                finishes=finish,
            )
            try:
                with ending_signals(work.end):
                    tell(f"working as builder {config.profile.id}")
                    return work.run()
            finally:
                watch.end()


def _each_once() -> Callable[[str], None]:
    """Tell lines but no repetitions: the watch and a build find the same fault, in turn."""
    last = ""

    def notice(line: str) -> None:
        nonlocal last
        words = line.removeprefix("warning: ")
        if words != last:
            tell(line)
        last = words

    return notice

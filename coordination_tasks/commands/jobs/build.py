"""`doit build`: claim a job, run its pipeline's tasks, publish the end, whatever happens."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from doit.task import Task

from common.command import OPTION_BUILDER
from coordination_tasks.build.attempt.attempt_end import (
    AttemptEnd,
    BrokeOff,
    Lost,
    Refused,
    Released,
)
from coordination_tasks.build.attempt.attempt_log import AttemptLog
from coordination_tasks.build.attempt.claim_action import ClaimAction
from coordination_tasks.build.attempt.claiming import Claimer
from coordination_tasks.build.attempt.keepalive import Keepalive, KeepaliveThread
from coordination_tasks.build.attempt.preparation import Preparation
from coordination_tasks.build.attempt.running_attempt import RunningAttempt
from coordination_tasks.build.display.display import Display
from coordination_tasks.build.display.live_display import make_display
from coordination_tasks.build.signals import ending_signals
from coordination_tasks.build.task_run import GraphRun
from coordination_tasks.builder.claim_intent import ClaimIntent
from coordination_tasks.builder.config.builder import MOST_PARALLEL, BuilderConfig
from coordination_tasks.builder.lock import builder_lock
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.builder.secret_values import Secrets
from coordination_tasks.commands.base import FarmCommand, no_arguments
from coordination_tasks.domain.attempt_result import Failed, Succeeded
from coordination_tasks.domain.errors import (
    BadRequest,
    CannotBuild,
    CoordinationError,
    EndedWhileClaiming,
    EndRefused,
    Unavailable,
    in_words,
)
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.store import open_store, push_budget
from coordination_tasks.wiring.upkeep import beater, observer

EXIT_BUILT = 0
EXIT_FAILED = 1
EXIT_OF_SIGNAL = 128


BUILD_OPTIONS: tuple[dict[str, Any], ...] = (
    {"name": "parallel", "short": "n", "long": "parallel", "type": int, "default": 0,
     "help": "run up to N steps at once (else `parallel` in builder.yaml, else 1)"},
    {"name": "replan", "long": "replan", "type": bool, "default": False,
     "help": "build with the pipeline as it is now, not with the plan of an earlier attempt"},
    {"name": "verbose", "long": "verbose", "type": bool, "default": False,
     "help": "show every line of the steps' logs"},
    OPTION_BUILDER,
)  # fmt: skip


class BuildCommand(FarmCommand):
    """doit command."""

    name = "build"
    doc_purpose = "claim the next job and build it, step by step"
    doc_usage = "[--job ID] [--pipeline NAME] [-n N] [--builder ID] [--verbose]"
    doc_description = """

Claims a job, runs the steps of its pipeline, publishes the result.
What succeeded before with the same inputs is not done again, so
`doit build --job ID` goes on where a failure or a signal ended it,
with the plan that the job was claimed with first; --replan takes the file as it is now.

Exit codes:
  0      built
  1      a step failed, the run broke off (full disk), or the repository can't be reached or refuses
  3      bad configuration or usage
  4      nothing to claim, less free space than min_free, or a `doit build` runs as this builder
  5      claim lost to another builder
  128+n  ended by signal n; the job can be claimed again
"""
    execute_tasks = True

    cmd_options: ClassVar = (
        {"name": "job", "long": "job", "type": str, "default": "",
         "help": "build this job, also when it has ended before"},
        {"name": "pipeline", "long": "pipeline", "type": str, "default": "",
         "help": "claim only jobs of this pipeline"},
        *BUILD_OPTIONS,
    )  # fmt: skip

    def _execute(
        self,
        job: str,
        pipeline: str,
        parallel: int,
        replan: bool,
        verbose: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        no_arguments(pos_args)
        return self.claim_and_build(
            job=job,
            pipeline=pipeline,
            parallel=parallel,
            replan=replan,
            verbose=verbose,
            builder=builder,
        )

    def check_before_claim(self, config: BuilderConfig, store: Store, job: str) -> None:
        """Raise a CoordinationError when the claim would be for nothing."""

    def prepare(self, steps: Sequence[Task]) -> None:
        """Do what has to be done between the claim and the first step."""

    def claim_and_build(
        self,
        *,
        job: str,
        pipeline: str,
        parallel: int,
        replan: bool,
        verbose: bool,
        builder: str,
    ) -> int:
        """Claim `job`, or the next one, and build it; the exit code."""
        if parallel < 0:
            raise BadRequest(f"-n {parallel}: at least one step has to run at a time")
        if parallel > MOST_PARALLEL:
            raise BadRequest(f"-n {parallel}: at most {MOST_PARALLEL} steps run at a time")
        if pipeline:
            self.check_pipeline(pipeline)
        config = self.farm.config(builder)
        secrets = Secrets(os.environ, config.secrets_file)
        claim, pipelines = self.farm.claim, self.farm.pipelines
        display = make_display(sys.stdout, verbose=verbose)
        with (
            builder_lock(config),
            # doit swallows what an action, like the claim, says on stderr
            open_store(config, display.message, sleep=claim.sleep) as store,
            Outbox(config.state_dir / "outbox.sqlite") as outbox,
            ending_signals(claim.stop.end_by_signal),
        ):
            pipelines.workspaces(config.state_dir).sweep()
            claimer = Claimer(
                config=config,
                store=store,
                outbox=outbox,
                display=display,
                pipelines=self.known_pipelines(),
                terms=self.terms(secrets),
                resolve=pipelines.branch_tip,
                ended=pipelines.planner.ended_alone,
                job=job or None,
                pipeline=pipeline or None,
            )
            claim.arm(claimer, store, outbox)
            self.check_before_claim(config, store, job)
            preparation = Preparation(store, pipelines.planner, secrets, replan)
            return self._build(config, preparation, claim, claimer.intent, display, parallel)

    def _build(
        self,
        config: BuilderConfig,
        preparation: Preparation,
        claim: ClaimAction,
        intent: ClaimIntent,
        display: Display,
        parallel: int,
    ) -> int:
        run = GraphRun(self.task_list, self.dep_manager, display)
        try:
            log = run.claim(claim)
        except EndedWhileClaiming as error:
            display.message(f"{error}; no job is claimed")
            return EXIT_OF_SIGNAL + (claim.stop.signal.number if claim.stop.signal else 0)
        try:
            running, plan, prepared = preparation.prepare(log.running)
        except CannotBuild as error:
            log.fail(str(error))
            return _close(log, intent, display)
        log.made_with(running, plan)
        run = run.with_tasks(prepared.tasks)
        pipeline = str(running.claimed.job.pipeline)
        steps = run.steps(pipeline)
        thread = _keepalive(config, preparation.store, log, display.message)
        thread.start()
        display.begin(_title(running, pipeline), steps)
        try:
            self.prepare(run.step_tasks(pipeline))
            run.build(pipeline, parallel or config.parallel, log)
        except Exception as error:  # raised again when the end of the attempt is told
            log.stop.break_off(error)
        finally:
            thread.stop()
            try:
                log.finish(steps)
            finally:
                display.end()
        return _close(log, intent, display)


def _keepalive(
    config: BuilderConfig, store: Store, log: AttemptLog, message: Callable[[str], None]
) -> KeepaliveThread:
    """What keeps the claim while the steps run."""
    keepalive = Keepalive(
        log=log,
        observer=observer(config, store, message),
        beater=beater(config, store),
        budget=push_budget(config),
        flush_every=config.flush_every,
        observe_every=config.observe_every,
        beat_every=config.heartbeat.building,
        monotonic=time.monotonic,
    )
    return KeepaliveThread(
        keepalive.turn,
        every=keepalive.tick,
        on_lost=log.stop.lose,
        on_trouble=lambda error: message(f"warning: {_while_building(error)}"),
    )


def _while_building(error: Exception) -> str:
    goes_on = not isinstance(error, CoordinationError) or (
        isinstance(error, Unavailable) and not error.remedy
    )
    return f"{in_words(error)}; the build goes on" if goes_on else str(error)


def _title(running: RunningAttempt, pipeline: str) -> str:
    job = running.claimed.job
    what = " ".join(part for part in (job.branch, (job.commit or "")[:12]) if part)
    return f"job {job.id}, attempt {running.attempt}: {pipeline} {what}"


def _close(log: AttemptLog, intent: ClaimIntent, display: Display) -> int:
    """Send what still waits, show how the attempt ended; the exit code."""
    try:
        log.send_end()
    except Unavailable as error:
        display.message(f"warning: {error}")
        return _show_end(log.end(), log, display)
    end = log.end()
    if not isinstance(end, Refused):  # else a successor gives the job back
        intent.clear()
    return _show_end(end, log, display)


def _show_end(end: AttemptEnd, log: AttemptLog, display: Display) -> int:
    """Show how the attempt ended; the exit code. Raises what ended it or hinders its end."""
    job = log.running.job_id
    match end:
        case Lost(error):
            raise error
        case Refused(refused, error):
            what = f"job {job} ended as {refused.state}, which is not recorded: {error.cause}"
            raise EndRefused(what) from error
        case BrokeOff(error, (Succeeded() | Failed() | Released()) as nevertheless):
            _show_end(nevertheless, log, display)
            raise error
        case BrokeOff(error):
            display.message(f"job {job} is queued again: {end.reason}")
            raise error
        case Released(number):
            display.message(f"{end.reason}; the job is queued again")
            return EXIT_OF_SIGNAL + number
        case Succeeded(_, folder):
            display.message(f"job {job} succeeded")
            if folder:
                display.message(f"artifacts: {folder}")
            return EXIT_BUILT
        case Failed(state, reason):
            display.message(f"job {job} {state}: {reason}")
            for line in log.failure_lines():
                display.message(line)
            display.message(
                f"next: mend the cause, then `doit build --job {job}` goes on after what succeeded;"
                f" `doit explain {job}` tells why each step ran or did not"
            )
            return EXIT_FAILED

"""One run of `doit build` or `doit rerun`: claim a job, run its steps, publish the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from doit.dependency import Dependency
from doit.task import Task

from common.yaml.findings import did_you_mean
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
from coordination_tasks.build.attempt.keepalive import KeepaliveThread
from coordination_tasks.build.attempt.own_plans import own_plans, prune_plans
from coordination_tasks.build.attempt.preparation import Preparation, PreparedAttempt
from coordination_tasks.build.attempt.running_attempt import RunningAttempt
from coordination_tasks.build.display.display import Display
from coordination_tasks.build.display.document import show_attempt
from coordination_tasks.build.logs.published import AttemptLogs
from coordination_tasks.build.ports import Pipelines
from coordination_tasks.build.signals import ending_signals
from coordination_tasks.build.task_run import TaskRun
from coordination_tasks.builder.claim_intent import ClaimIntent
from coordination_tasks.builder.config.builder import MOST_PARALLEL, BuilderConfig
from coordination_tasks.builder.disk_space import reserved_space
from coordination_tasks.builder.lock import builder_lock
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.builder.secret_values import Secrets
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
from coordination_tasks.domain.scheduling import Terms
from coordination_tasks.farm.artifacts.signing import manifest_signer
from coordination_tasks.farm.signed_jobs import job_judge
from coordination_tasks.store.store import Store

EXIT_BUILT = 0
EXIT_FAILED = 1
EXIT_OF_SIGNAL = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildTools:
    """What every run needs; the layers above provide it."""

    config: BuilderConfig
    claim: ClaimAction
    tasks: Sequence[Task]
    """doit's tasks: the claim, and the steps of the pipelines in the file."""
    dependencies: Dependency
    pipelines: Pipelines
    labels: Mapping[str, tuple[str, ...]]
    """Known pipelines, with the labels that they require."""
    terms: Terms
    """Their other requirements of jobs and builders."""
    secrets: Secrets
    display: Display
    open_store: Callable[[Callable[[float], None]], AbstractContextManager[Store]]
    """Opens the store; its argument is called with seconds to wait."""
    logs: Callable[[AttemptLog], AttemptLogs]
    """Makes the publisher of an attempt's logs."""
    keepalive: Callable[[AttemptLog, AttemptLogs, Store], KeepaliveThread]
    """Makes the thread that keeps the claim while the steps run."""
    show_end: Callable[[AttemptEnd, AttemptLog, Display], int]
    """Shows how the attempt ended; returns the exit code, or raises what aborted it."""
    published: str = "published"
    """Text of a result that was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOver:
    """Steps to run although nothing changed; `start` and `only` are names of steps or ""."""

    start: str = ""
    """This step and all steps that need it."""
    only: str = ""
    """Only this step."""
    clean: bool = False
    """Everything, in an empty workspace."""


_UMASK = 0o022
"""It decides about modes of files in packages and jars, so it is the same on every builder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What to build, and how."""

    job: str | None = None
    """Id of the job; None: the next one that matches this builder."""
    person: str = ""
    """Who named the job; recorded with its claim."""
    pipeline: str | None = None
    """Claim only jobs of this pipeline."""
    parallel: int = 0
    """Maximum of steps that run in parallel; 0: as set in builder.yaml."""
    replan: bool = False
    """Use the current plan, even if an earlier attempt has stored one."""
    start_over: StartOver | None = None
    """Only with `job`."""
    steps: tuple[str, ...] = ()
    """Only these steps and what they need; empty: all."""
    tools: BuildTools


def run_build(request: BuildRequest) -> int:
    """Claim a job and build it; returns the exit code.

    Raises CoordinationError, and the error that aborted the run.
    """
    if request.parallel < 0:
        raise BadRequest(f"--parallel expects 1 or more, found {request.parallel}")
    if request.parallel > MOST_PARALLEL:
        raise BadRequest(f"--parallel expects at most {MOST_PARALLEL}, found {request.parallel}")
    tools = request.tools
    config, claim, pipelines = tools.config, tools.claim, tools.pipelines
    os.umask(_UMASK)
    with (
        builder_lock(config),
        tools.open_store(claim.sleep) as store,
        Outbox(config.state_dir / "outbox.sqlite") as outbox,
        ending_signals(claim.stop.end_by_signal),
    ):
        pipelines.workspaces(config.state_dir).sweep()
        plans = own_plans(config.state_dir, pipelines.planner)
        plans.keep(tools.labels)
        prune_plans(plans, store, config.ages.jobs.total_seconds())
        claimer = Claimer(
            config=config,
            store=store,
            outbox=outbox,
            display=tools.display,
            pipelines=tools.labels,
            terms=tools.terms,
            resolve=pipelines.branch_tip,
            judge=job_judge(config),
            own_plans=plans,
            planner=pipelines.planner,
            job=request.job,
            person=request.person,
            pipeline=request.pipeline,
        )
        claim.arm(
            claimer,
            store,
            outbox,
            failed_log=config.logs.failed,
            published=tools.published,
            sign=manifest_signer(config),
        )
        return _claim_and_build(request, store, claimer)


def _claim_and_build(request: BuildRequest, store: Store, claimer: Claimer) -> int:
    tools = request.tools
    run = TaskRun(tools.tasks, tools.dependencies, tools.display)
    if request.job and request.start_over:
        _check_steps(request.start_over, request.job, store, tools.config, run)
    try:
        log = run.claim(tools.claim)
    except EndedWhileClaiming as error:
        tools.display.message(f"{error}; no job is claimed")
        signal = tools.claim.stop.signal
        return EXIT_OF_SIGNAL + (signal.number if signal else 0)
    logs = tools.logs(log)
    source = tools.pipelines.source_state()
    preparation = Preparation(
        store=store,
        planner=tools.pipelines.planner,
        own_plans=claimer.own_plans,
        secrets=tools.secrets,
        replan=request.replan,
        use_shared=tools.pipelines.use_shared,
        pipelines_commit=source.commit if source else None,
    )
    try:
        attempt = preparation.prepare(log.running)
    except CannotBuild as error:
        log.fail(str(error))
    else:
        log.made_with(attempt.running, attempt.plan)
        planned = run.with_tasks(attempt.prepared.tasks)
        if request.steps:
            planned = planned.only(log.running.pipeline, request.steps)
        _run_steps(request, planned, log, logs, attempt, store)
    return _close(log, logs, claimer.intent, store, tools)


def _check_steps(
    start_over: StartOver, job: str, store: Store, config: BuilderConfig, run: TaskRun
) -> None:
    """Check that the named steps exist before anything is claimed."""
    pipeline = store.job(job).pipeline or config.default_pipeline
    steps = run.steps(pipeline)
    for step in filter(None, (start_over.start, start_over.only)):
        if steps and step not in steps:
            raise BadRequest(
                f"unknown step {step[:60]!r} of pipeline {pipeline}{did_you_mean(step, steps)}"
            )


def _run_steps(
    request: BuildRequest,
    run: TaskRun,
    log: AttemptLog,
    logs: AttemptLogs,
    attempt: PreparedAttempt,
    store: Store,
) -> None:
    """Run the steps of the claimed job, and submit the end of its attempt."""
    tools = request.tools
    pipeline = log.running.pipeline
    steps = run.steps(pipeline)
    keepalive = tools.keepalive(log, logs, store)
    keepalive.start()
    tools.display.begin(_title(log.running), steps)
    try:
        over = request.start_over or StartOver()
        if over == StartOver() and log.running.reproduces:
            over = StartOver(clean=True)
        if over == StartOver():
            over = StartOver(start=attempt.start)
        if over != StartOver():
            planner, plan = tools.pipelines.planner, attempt.plan.data
            planner.start_over(plan, start=over.start, only=over.only, clean=over.clean)
        parallel = request.parallel or tools.config.parallel
        with reserved_space(tools.config.state_dir):
            run.build(pipeline, parallel, log, keepalive.check_claim)
    except Exception as error:  # raised again when the end of the attempt is shown
        log.stop.break_off(error)
    finally:
        keepalive.stop()
        try:
            log.finish(steps)
        finally:
            tools.display.end()


def _title(running: RunningAttempt) -> str:
    commit = (running.commit or "")[:12]
    what = " ".join(part for part in (running.branch, commit) if part)
    return f"job {running.job_id}, attempt {running.attempt}: {running.pipeline} {what}"


def _close(
    log: AttemptLog, logs: AttemptLogs, intent: ClaimIntent, store: Store, tools: BuildTools
) -> int:
    """Send waiting records, show how the attempt ended, send the logs; returns the exit code."""
    display, reachable = tools.display, True
    try:
        log.send_end()
    except Unavailable as error:
        display.message(f"warning: {error}")
        reachable = False
    end = log.end()
    if isinstance(end, Lost):
        _publish_idle(log.running.job_id, store, display)
    if reachable and not isinstance(end, Refused):  # otherwise the next build releases the job
        intent.clear()
    try:
        return tools.show_end(end, log, display)
    finally:
        _publish_logs(log, logs, display, reachable=reachable)


def _publish_idle(job: str, store: Store, display: Display) -> None:
    """Whoever cancelled the job has not changed our status, which says that this builder builds."""
    try:
        store.publish_idle(after=job)
    except CoordinationError as error:
        display.message(f"warning: the status of this builder is old: {in_words(error)}")


def _publish_logs(log: AttemptLog, logs: AttemptLogs, display: Display, *, reachable: bool) -> None:
    """Publish the complete logs; an error does not change how the job ended."""
    try:
        logs.keep(log.ended_logs())
        if reachable:
            logs.send()
    except (CoordinationError, OSError) as error:
        display.message(f"warning: the logs are only on this builder: {in_words(error)}")


def show_end(end: AttemptEnd, log: AttemptLog, display: Display) -> int:
    """Show how the attempt ended; returns the exit code.

    Raises the error that aborted it, or that prevents its end.
    """
    job = log.running.job_id
    ended_as = log.running.claimed.ended_as
    released = f"stays {ended_as}" if ended_as else "is queued again"
    show_attempt(display, log, end)
    match end:
        case Lost(error):
            raise error
        case Refused(refused, error):
            what = f"job {job} ended as {refused.state}, but this is not recorded: {error.cause}"
            raise EndRefused(what) from error
        case BrokeOff(error, (Succeeded() | Failed() | Released()) as nevertheless):
            show_end(nevertheless, log, display)
            raise error
        case BrokeOff(error):
            display.message(f"job {job} {released}: {end.reason}")
            raise error
        case Released(number):
            display.message(f"{end.reason}; the job {released}")
            return EXIT_OF_SIGNAL + number
        case Succeeded(_, folder):
            display.message(f"job {job} succeeded")
            if folder:
                display.message(f"artifacts: {folder}")
            return EXIT_BUILT
        case Failed(state, reason) as failed:
            display.message(f"job {job} {state}: {reason}")
            for line in (*log.failure_lines(), *log.next_lines(failed)):
                display.message(line)
            return EXIT_FAILED

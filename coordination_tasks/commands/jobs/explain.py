"""`doit explain`: why a step ran or was skipped, and why a job waits."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.errors import one_line
from common.settings.shared_defaults import SHARED_CONFIG
from common.states import FAILURES, State
from common.yaml.findings import did_you_mean
from coordination_tasks.build.attempt.own_plans import own_plans
from coordination_tasks.build.attempt.running_attempt import RunningAttempt, running_attempt
from coordination_tasks.build.display.display import PlainDisplay
from coordination_tasks.build.ports import Outlook, Pipelines
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.disk_space import lacking_space
from coordination_tasks.builder.secret_values import Secrets
from coordination_tasks.commands.base import (
    FarmCommand,
    as_json,
    known_pipelines,
    pipelines_problem,
    terms_of,
)
from coordination_tasks.commands.jobs.explanation import (
    Lease,
    StepExplanation,
    explain_steps,
    lease_of,
)
from coordination_tasks.commands.jobs.jobs import job_as_json, life
from coordination_tasks.commands.views.farm_page import STATE_STYLES, Section
from coordination_tasks.commands.views.output import write_lines, write_section
from coordination_tasks.documents.drains import drain_of
from coordination_tasks.domain.errors import BadRequest, BrokenDocument
from coordination_tasks.domain.model import Attempt, Job
from coordination_tasks.domain.next_step import NextStep, next_step
from coordination_tasks.domain.scheduling import Wanted
from coordination_tasks.domain.timestamps import elapsed, utc_now
from coordination_tasks.farm.presence.observations import Presence
from coordination_tasks.farm.signed_jobs import job_judge
from coordination_tasks.store.operations.claim import explain
from coordination_tasks.store.plans import plan_digest, recorded_plan
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.wiring.reading import Reading, find_presences, open_reading

CLAIMABLE = "this builder can claim it"
CLAIMS_NOTHING = "this builder can claim nothing: its pipelines file has errors"
UP_TO_DATE = "up to date"
_SHORT_ANSWER = 1990
"""Bytes."""
NOT_HERE = "unknown: this builder has no workspace of the job"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobExplanation:
    """A job, and what blocks it."""

    job: Job
    not_claimed: str | None
    """Why this builder does not claim it, "" when it can; None when the job is not queued."""
    lease: Lease | None
    pipelines_commit: str | None = None
    """The commit of `pipelines_source` that made its plan; None: unknown, or a file made it."""

    @property
    def why(self) -> str:
        """The explanation as text."""
        if self.not_claimed is not None:
            return self.not_claimed or CLAIMABLE
        return _lease_line(self.lease) if self.lease else self.job.reason


class ExplainCommand(FarmCommand):
    """doit command."""

    name = "explain"
    doc_purpose = "show why a step ran or was skipped, and why a job waits"
    doc_usage = "[JOB] [STEP] [--json]"
    doc_description = """

Without JOB: all queued and running jobs, each with the reason why this builder does not claim it
(a label, a dependency, a secret, the disk) or with the builder that holds its lease.
With JOB: each step of its latest attempt, why it ran, was up to date or waits, and what a build on
this builder would do now, by its own records: the changed input with old and new value.
With STEP: everything known about one step, with every reason to run it, and why it built or
skipped each Maven module.
Changes nothing, and reuses nothing from other jobs. While the coordination repository cannot be
reached, explains what this host read last.

Exit codes: 0 explained, 1 cannot reach the coordination repository, and nothing was read before,
3 bad usage, unknown job or step.
"""
    group = "look"
    completes = "jobs"
    cmd_options = (OPTION_JSON, OPTION_BUILDER)

    def _execute(self, json: bool, builder: str, pos_args: list[str]) -> int:
        if len(pos_args) > 2:  # noqa: PLR2004 - JOB and STEP
            raise BadRequest(f"unexpected argument {pos_args[2][:60]!r}: give one job and step")
        config = self.farm.config(builder)
        with open_reading(config, tell) as reading:
            snapshot = reading.snapshot
            self.show_outage(reading.outage, json=json)
            pipelines = self.farm.pipelines
            if not pos_args:
                active = list(snapshot.queue.unfinished())
                return _show_queue(explain_jobs(config, pipelines, reading, active), json)
            job = snapshot.job(pos_args[0])
            explained = explain_jobs(config, pipelines, reading, [job])[0]
            if recorded := recorded_plan(snapshot, job):
                explained = replace(explained, pipelines_commit=recorded.pipelines_commit)
            steps, problem = steps_of_job(config, pipelines, snapshot, job)
            following = next_step(job, snapshot.transitions(job.id, job.attempt))
        if len(pos_args) == 1:
            return _show_job(explained, steps, problem, following, json)
        return _show_step(find_step(steps, job.id, pos_args[1]), json)


def explain_jobs(
    config: BuilderConfig, pipelines: Pipelines, reading: Reading, jobs: Sequence[Job]
) -> list[JobExplanation]:
    """Why this builder does not claim each queued one, and who holds each running one."""
    snapshot = reading.snapshot
    look = any(job.state is State.RUNNING for job in jobs) and not reading.outage
    presences = find_presences(config, snapshot) if look else {}
    queued = any(job.state is State.QUEUED for job in jobs)
    refusals = _refusals(config, pipelines, snapshot) if queued else {}
    return [
        JobExplanation(
            job=job,
            not_claimed=refusals.get(job.id),
            lease=_lease(config, snapshot, job, presences),
        )
        for job in jobs
    ]


def steps_of_job(
    config: BuilderConfig, pipelines: Pipelines, snapshot: Snapshot, job: Job
) -> tuple[tuple[StepExplanation, ...], str]:
    """The steps, and why their plan cannot be loaded ("" when it can)."""
    planner = pipelines.planner
    pipelines.use_shared(snapshot.read(SHARED_CONFIG))
    recorded = recorded_plan(snapshot, job)
    pipeline = job.pipeline or config.default_pipeline or ""
    outlooks: Sequence[Outlook] = ()
    problem = ""
    try:
        plan = own_plans(config.state_dir, planner).find(pipeline, recorded)
        complete = replace(job, params=planner.prepare(plan, job.params).params)
        outlooks = planner.outlook(plan, _as_if_claimed(complete, config, plan))
    except ValueError as error:
        problem = one_line(error)
    return explain_steps(job, snapshot.transitions(job.id, job.attempt), outlooks), problem


def _refusals(config: BuilderConfig, pipelines: Pipelines, snapshot: Snapshot) -> Mapping[str, str]:
    problem = pipelines_problem(pipelines)
    if problem:
        tell(f"doit explain: {problem}")
        return {job.id: CLAIMS_NOTHING for job in snapshot.queue.queued()}
    wanted = Wanted(
        pipelines=known_pipelines(pipelines),
        labels=config.profile.labels,
        builder=config.profile.id,
        default_pipeline=config.default_pipeline,
        terms=terms_of(pipelines, Secrets(os.environ, config.secrets_file)),
    )
    drain = drain_of(snapshot.drains(), config.profile.id)
    judged = explain(snapshot.queue, wanted, utc_now(), job_judge(config))
    hindrance = f"this builder is {drain}" if drain else lacking_space(config)
    return {job.id: refusal or hindrance for job, refusal in judged}


def _as_if_claimed(job: Job, config: BuilderConfig, plan: bytes) -> RunningAttempt:
    attempt = Attempt(
        job=job, builder=config.profile.id, number=job.attempt, token=job.token, claim_id=""
    )
    running = running_attempt(attempt, config, PlainDisplay(sys.stderr, verbose=False))
    return replace(running, plan_digest=plan_digest(plan))


def _lease(
    config: BuilderConfig, snapshot: Snapshot, job: Job, presences: Mapping[str, Presence]
) -> Lease | None:
    published = None
    if job.assigned_to in snapshot.builders():
        with suppress(BrokenDocument):  # this builder's own setting counts then
            published = snapshot.builder_status(job.assigned_to or "").lease
    return lease_of(job, presences, published or config.lease)


def find_step(steps: tuple[StepExplanation, ...], job: str, name: str) -> StepExplanation:
    """The step of that name. Raises BadRequest."""
    names = [step.step for step in steps]
    for step in steps:
        if step.step == name:
            return step
    raise BadRequest(f"unknown step {name[:60]!r} of job {job}{did_you_mean(name, names)}")


def _lease_line(lease: Lease) -> str:
    lives = f"; {life(lease.presence)}" if lease.presence else ""
    return (
        f"held by builder {lease.builder}: attempt {lease.attempt}, fencing token {lease.token},"
        f" lease of {elapsed(lease.seconds)}{lives}"
    )


def _show_queue(jobs: list[JobExplanation], json: bool) -> int:
    if json:
        sys.stdout.write(as_json([_job_json(job) for job in jobs]) + "\n")
        return 0
    if not jobs:
        write_lines(["no job is queued or running"])
        return 0
    rows = [(each.job.id, each.job.state, each.why) for each in jobs]
    styles = [STATE_STYLES.get(each.job.state, "") for each in jobs]
    write_section(Section(titles=("JOB", "STATE", "WHY"), rows=rows, styles=styles))
    return 0


def _job_json(explained: JobExplanation) -> dict[str, object]:
    lease = asdict(explained.lease) if explained.lease else None
    not_claimed = explained.not_claimed
    return {**job_as_json(explained.job), "not_claimed": not_claimed, "lease": lease}


def _show_job(
    explained: JobExplanation,
    steps: tuple[StepExplanation, ...],
    problem: str,
    following: NextStep | None,
    json: bool,
) -> int:
    if json:
        document = {
            **_job_json(explained),
            "plan_problem": problem or None,
            "pipelines_commit": explained.pipelines_commit,
            "next": asdict(following) if following else None,
        }
        failed = explained.job.state in FAILURES
        listed = (
            _in_short(document, steps) if failed else [_without_modules(step) for step in steps]
        )
        sys.stdout.write(as_json({**document, "steps": listed}) + "\n")
        return 0
    job = explained.job
    commit = explained.pipelines_commit
    told = [f"planned by pipelines commit {commit[:12]}"] if commit else []
    told += [f"the job's plan cannot be loaded: {problem}"] if problem else []
    head = [f"job {job.id}: {job.state}, attempt {job.attempt}", explained.why, *told]
    write_lines([*filter(None, head), ""])
    _print_steps(steps)
    if following:
        write_lines(["", *following.lines])
    return 0


def _print_steps(steps: Sequence[StepExplanation]) -> None:
    """Two columns of long text, which rich lays out; nothing else here waits for its import."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from coordination_tasks.commands.tables import console  # noqa: PLC0415

    table = Table("step", "state", "why", "on this builder now", box=None)
    for step in steps:
        table.add_row(Text(step.step), Text(step.state), Text(_why(step)), Text(_now(step)))
    console().print(table)


def _in_short(
    document: Mapping[str, object], steps: Sequence[StepExplanation]
) -> list[dict[str, object]]:
    """The steps of a failed job: failed ones in full, the others with name and state only.

    Excerpts are cut so that the whole answer fits 2000 bytes; with STEP they are complete.
    """
    listed: list[dict[str, object]] = [
        {**_without_modules(step), "excerpt": ""}
        if step.code
        else {"step": step.step, "state": step.state}
        for step in steps
    ]
    for short, step in zip(listed, steps, strict=True):
        room = _SHORT_ANSWER - len(as_json({**document, "steps": listed}).encode())
        if step.code and room > 0:
            short["excerpt"] = _cut(step.excerpt, room)
    return listed


def _without_modules(step: StepExplanation) -> dict[str, object]:
    return {name: value for name, value in asdict(step).items() if name != "modules"}


def _cut(text: str, room: int) -> str:
    """The start of a text, at most so many bytes as JSON."""
    while len(as_json(text).encode()) > room:
        text = text[: len(text) * 9 // 10]
    return text


def _why(step: StepExplanation) -> str:
    if step.waits_for:
        return f"waits for {', '.join(step.waits_for)}"
    ran = f"ran: {step.ran_because}" if step.ran_because is not None else ""
    return "\n".join(filter(None, (ran, step.ended_because)))


def _now(step: StepExplanation) -> str:
    reasons = step.reasons_to_run
    if reasons is None:
        return NOT_HERE
    if not reasons:
        return _up_to_date(step)
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"{_runs(step)}: {reasons[0]}{more}"


def _up_to_date(step: StepExplanation) -> str:
    others = step.runs_after_change_in
    return (
        f"{UP_TO_DATE} unless the output of {' or '.join(others)} changes" if others else UP_TO_DATE
    )


def _runs(step: StepExplanation) -> str:
    return f"runs if its condition is true ({step.condition})" if _may_not_hold(step) else "runs"


def _may_not_hold(step: StepExplanation) -> bool:
    return step.condition not in (None, "always")


def _show_step(step: StepExplanation, json: bool) -> int:
    if json:
        sys.stdout.write(as_json(asdict(step)) + "\n")
        return 0
    seconds = step.duration_seconds
    took = f" in {elapsed(seconds)}" if seconds is not None else ""
    lines = [f"step {step.step}: {step.state}{took}", *_why(step).splitlines()]
    lines += [f"log: {step.log}"] if step.log else []
    lines += step.excerpt.splitlines()
    lines += [f"  {module}" for module in step.modules]
    lines.append("on this builder now:")
    if step.reasons_to_run and _may_not_hold(step):
        lines.append(f"  {_runs(step)}:")
    lines += [f"  {reason}" for reason in step.reasons_to_run or [_now(step)]]
    write_lines(lines)
    return 0

"""One job on a page: what was requested, each attempt step by step, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from common.states import State
from coordination_tasks.commands.views.farm_page import STATE_STYLES, Section
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.domain.timestamps import elapsed, elapsed_since, format_time

_COMMIT_SHOWN = 12


def request_lines(job: Job, steps: str, now: datetime) -> Iterator[str]:
    """What the job is, and who requested it; `steps` are those that run now."""
    where = f" on {job.assigned_to}" if job.assigned_to and job.attempt else ""
    number = f", attempt {job.attempt}" if job.attempt else ""
    yield f"job {job.id}: {job.state}{where}{number}{_time(job, now)}"
    if steps:
        yield f"runs: {steps}"
    if job.reason:
        yield job.reason
    if job.held:
        yield job.held
    commit = f"commit {job.commit[:_COMMIT_SHOWN]}" if job.commit else ""
    branch = f"branch {job.branch}" if job.branch else ""
    yield ", ".join(filter(None, (f"pipeline {job.pipeline or '-'}", branch, commit)))
    if job.params:
        yield f"params: {', '.join(f'{name}={value}' for name, value in job.params.items())}"
    if job.labels or job.wanted_builder:
        only = f"builder {job.wanted_builder}" if job.wanted_builder else ""
        yield f"only on: {', '.join(filter(None, (only, *job.labels)))}"
    if job.reproduces:
        yield f"makes the artifacts of job {job.reproduces} again"
    if job.dependencies:
        yield f"after: {', '.join(job.dependencies)}"
    by = f" by {job.queued_by}" if job.queued_by else ""
    at = f" {format_time(job.created_at)}" if job.created_at else ""
    yield f"queued{by}{at}, priority {job.priority}"
    if job.description:
        yield f"description: {job.description}"


def attempt_section(number: int, transitions: Sequence[Transition]) -> Section:
    """The transitions of one attempt; that a step started is left out once it has ended."""
    last = {t.step: t for t in transitions if t.attempt == number}
    shown = [
        t
        for t in transitions
        if t.attempt == number
        and (t.to_state is not State.RUNNING or (t.step and t is last[t.step]))
    ]
    return Section(
        titles=("STEP", "STATE", "TIME", "REASON"),
        rows=[
            (
                t.step or "(job)",
                t.to_state,
                elapsed(t.duration_seconds) if t.duration_seconds is not None else "",
                _why(t),
            )
            for t in shown
        ],
        styles=[STATE_STYLES.get(t.to_state, "") for t in shown],
        wrap=True,
    )


def failure_lines(transition: Transition) -> Iterator[str]:
    """What the tool of a failed step said; the reason is in the table."""
    details = transition.details
    retry = ", a retry may help" if details.get("retryable") else ""
    log = f"; log: {transition.log}" if transition.log else ""
    yield f"{transition.step or 'job'}: {details['code']}{retry}{log}"
    for line in str(details.get("excerpt", "")).splitlines():
        yield f"  {line}"


def _time(job: Job, now: datetime) -> str:
    if job.state is State.RUNNING and job.started_at:
        return f", running for {elapsed_since(job.started_at, now)}"
    if job.state is not State.QUEUED and job.duration_seconds is not None:
        return f", took {elapsed(job.duration_seconds)}"
    return ""


def _why(transition: Transition) -> str:
    since = f"since {format_time(transition.at)}: " if transition.to_state is State.RUNNING else ""
    return f"{since}{transition.reason}"

"""What is wrong in the farm now, by its documents and by what a builder observes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from common.settings.farm import AlertsEntry
from common.states import FAILURES, State
from coordination_tasks.documents import json_edit
from coordination_tasks.documents.archive_files import Files
from coordination_tasks.documents.drains import drain_of, read_drains
from coordination_tasks.documents.jobs import JobsDocument
from coordination_tasks.documents.paths import DRAINS, JOBS, LOCKS, MESSAGES, TRIGGERS
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import elapsed
from coordination_tasks.farm.presence.observations import ALIVE, Presence

JOB_FAILED, JOB_SLOW, JOB_ENDED = "job_failed", "job_slow", "job_ended"
SILENT, WAITS, DOCUMENTS, CONFIGURATION = (
    "builder_silent",
    "queue_waits",
    "documents",
    "configuration",
)
_COMPARED, _LEAST = 10, 5
"""Successes that are compared with, and how many are needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that is wrong, or that happened."""

    kind: str
    text: str
    pipeline: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a look found, by keys that stay the same while a cause lasts."""

    active: Mapping[str, Cause] = field(default_factory=dict)
    over: Callable[[str], bool] = lambda _key: False
    """Whether a cause that is not active is known to be over, not only unknown here."""
    events: Mapping[str, Cause] | None = None
    """What happened once, and does not end; None: nobody asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a builder knows besides the documents."""

    presences: Mapping[str, Presence] = field(default_factory=dict)
    pipelines_problem: tuple[str, str] = ("", "")
    """The commit of pipelines_source that cannot be used, and why."""
    pipelines_fine: bool = False
    """Whether the newest commit of pipelines_source is in use."""


def find_causes(
    files: Files,
    rules: AlertsEntry,
    observed: Observed,
    told_always: Collection[str],
    now: datetime,
) -> Findings:
    """All of them. `told_always` are the pipelines of which each end of a job counts."""
    active: dict[str, Cause] = {}
    broken = _broken_documents(files)
    if rules.documents:
        active |= {
            f"{DOCUMENTS}:{path}": Cause(kind=DOCUMENTS, text=t) for path, t in broken.items()
        }
    jobs: tuple[Job, ...] | None = None
    if JOBS not in broken:
        jobs = tuple(JobsDocument(files.read(JOBS), files))
        active |= _job_causes(jobs, rules, now)
    if rules.builder_silent is not None:
        active |= _silent_builders(files, observed.presences, rules.builder_silent, broken)
    commit, why = observed.pipelines_problem
    if commit and rules.configuration:
        active[f"{CONFIGURATION}:{commit}"] = Cause(kind=CONFIGURATION, text=f"pipelines: {why}")

    def over(key: str) -> bool:
        kind, _, name = key.partition(":")
        if kind == SILENT:
            seen = observed.presences.get(name)
            return seen is not None and seen.liveness == ALIVE
        if kind == CONFIGURATION:
            return observed.pipelines_fine
        return kind == DOCUMENTS or jobs is not None

    events = dict(_ends(jobs or (), told_always)) if told_always else None
    return Findings(active=active, over=over, events=events)


def _broken_documents(files: Files) -> dict[str, str]:
    found = {}
    for path in (JOBS, LOCKS, MESSAGES, DRAINS, TRIGGERS):
        data = files.read(path)
        try:
            if data is not None:
                json_edit.parse_object(path, json_edit.decode(path, data))
        except BrokenDocument as error:
            found[path] = error.cause
    return found


def _job_causes(
    jobs: tuple[Job, ...], rules: AlertsEntry, now: datetime
) -> Iterator[tuple[str, Cause]]:
    by_branch: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        if job.pipeline and job.branch:
            by_branch.setdefault((job.pipeline, job.branch), []).append(job)
    for (pipeline, branch), own in by_branch.items():
        last = max(filter(_has_result, own), key=_end, default=None)
        if rules.job_failed and last and last.state in FAILURES:
            text = f"{pipeline} {branch}: job {last.id} {last.state}: {last.reason}"
            yield (
                f"{JOB_FAILED}:{pipeline}:{branch}",
                Cause(kind=JOB_FAILED, text=text[:500], pipeline=pipeline),
            )
        if rules.job_slow is not None:
            yield from _slow_jobs(own, rules.job_slow, now)
    if rules.queue_waits is not None:
        yield from _waiting_jobs(jobs, rules.queue_waits, now)


def _has_result(job: Job) -> bool:
    ended = job.state in FAILURES | {State.SUCCEEDED} and job.completed_at is not None
    return ended and not job.reproduces


def _end(job: Job) -> tuple[datetime | None, int]:
    return job.completed_at, job.attempt


def _slow_jobs(own: list[Job], factor: float, now: datetime) -> Iterator[tuple[str, Cause]]:
    good = [job for job in own if job.state is State.SUCCEEDED and job.completed_at]
    took = [job.duration_seconds for job in sorted(good, key=_end) if job.duration_seconds]
    if len(took) < _LEAST:
        return
    usual = median(took[-_COMPARED:])
    for job in own:
        if job.state is not State.RUNNING or job.started_at is None:
            continue
        seconds = (now - job.started_at).total_seconds()
        if seconds > factor * usual:
            text = (
                f"{job.pipeline} {job.branch}: job {job.id} runs for {elapsed(seconds)} on builder"
                f" {job.assigned_to}, usually {elapsed(usual)}"
            )
            cause = Cause(kind=JOB_SLOW, text=text, pipeline=job.pipeline or "")
            yield f"{JOB_SLOW}:{job.id}:{job.attempt}", cause


def _waiting_jobs(
    jobs: tuple[Job, ...], limit: float, now: datetime
) -> Iterator[tuple[str, Cause]]:
    waiting = [
        (job.created_at, job.id)
        for job in jobs
        if job.state is State.QUEUED and not job.held and job.created_at
    ]
    oldest = min(waiting, default=None)
    if oldest and (now - oldest[0]).total_seconds() > limit:
        waits = elapsed((now - oldest[0]).total_seconds())
        more = f", and {len(waiting) - 1} more wait" if len(waiting) > 1 else ""
        text = f"job {oldest[1]} waits for {waits}{more}; see `doit explain`"
        yield WAITS, Cause(kind=WAITS, text=text)


def _silent_builders(
    files: Files, presences: Mapping[str, Presence], limit: float, broken: Collection[str]
) -> Iterator[tuple[str, Cause]]:
    drains = {} if DRAINS in broken else read_drains(files.read(DRAINS))
    for name, presence in presences.items():
        still = presence.still_for_seconds
        if still > limit and not drain_of(drains, name):
            text = f"builder {name} gave no sign of life for {elapsed(still)}"
            yield f"{SILENT}:{name}", Cause(kind=SILENT, text=text)


def _ends(jobs: tuple[Job, ...], told_always: Collection[str]) -> Iterator[tuple[str, Cause]]:
    for job in jobs:
        if job.pipeline in told_always and job.completed_at and job.state is not State.RUNNING:
            why = f": {job.reason}" if job.reason else ""
            text = f"{job.pipeline} {job.branch or ''}: job {job.id} {job.state}{why}"
            cause = Cause(kind=JOB_ENDED, text=text[:500], pipeline=job.pipeline or "")
            yield f"{JOB_ENDED}:{job.id}:{job.attempt}", cause

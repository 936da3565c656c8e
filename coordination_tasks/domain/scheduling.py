"""Which job is next, and why another one is not. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from common.job_id import problem_of_job_id
from common.job_pattern import JobPattern
from common.records import integer, key, map_of, optional, record, several, text
from common.states import State
from coordination_tasks.domain.model import Job, is_commit_id

AGEING = timedelta(hours=2)
"""The time after which a waiting job counts with a priority that is better by one."""
_AGED_BEST = 2
_Line = tuple[str | None, str | None]
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_VALUES = re.compile(r"[,\s]+")
_BUILD = "build"
"""The type of jobs that `default_pipeline` builds: a test or deploy job requests something else."""
DEPLOY = "deploy"

NO_SOURCE = "it names neither branch nor commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What pipelines require of jobs and builders, by pipeline name; only those that require it."""

    takes: Mapping[str, JobPattern] = key(map_of(record(JobPattern, others=True)), factory=dict)
    """The pattern of the jobs without a pipeline that it takes; the first match gets a job."""
    max_attempts: Mapping[str, int] = key(map_of(integer(least=1)), factory=dict)
    """Attempts that may end with a dead builder before the job fails."""
    concurrency: Mapping[str, int] = key(map_of(integer(least=1)), factory=dict)
    """Jobs of it that may run in the farm at the same time."""
    hindrances: Mapping[str, str] = key(map_of(text), factory=dict)
    """Why this builder cannot use it, like a missing secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The jobs that a builder can take, and those that were requested."""

    pipelines: Mapping[str, Sequence[str]] = key(map_of(several(text)))
    """Names of the known pipelines, with the labels that each requires."""
    labels: Mapping[str, str] = key(map_of(text), factory=dict)
    """The builder's labels."""
    builder: str = key(text, "")
    """The builder's id; "" in requests of older programs."""
    job_id: str | None = key(optional(text), None)
    requested_by: str = key(text, "")
    """The person who named the job; "" when a builder takes the next one."""
    pipeline: str | None = key(optional(text), None)
    """Take jobs of this pipeline only."""
    default_pipeline: str | None = key(optional(text), None)
    """The pipeline of jobs that name none and that no `for:` matches."""
    terms: Terms = key(record(Terms, others=True), factory=Terms)
    """What the pipelines require besides labels."""

    def pipeline_of(self, job: Job) -> str | None:
        """The pipeline that builds this job here."""
        if job.pipeline:
            return job.pipeline
        takers = (
            name for name, pattern in self.terms.takes.items() if pattern.fits(job.type, job.branch)
        )
        return next(takers, self.default_pipeline if job.type == _BUILD else None)

    def max_attempts_of(self, job: Job) -> int:
        """Attempts of this job that may end with a dead builder before it fails."""
        return self.terms.max_attempts.get(self.pipeline_of(job) or "", job.max_attempts)


def queue_order(jobs: Iterable[Job], now: datetime | None = None) -> list[Job]:
    """The queued ones of all jobs, as they are claimed: no branch keeps the others waiting.

    Lowest priority number first; at `now` a job counts with the number to which it has aged. Of
    equal ones come first those whose pipeline and branch have fewest jobs that run or come before
    them, then the oldest; equal ones in the file's order.
    """
    waiting, ahead = [], Counter[_Line]()
    for job in jobs:
        if job.state is State.QUEUED:
            waiting.append((aged_priority(job, now), job.created_at or _END_OF_TIME, job))
        elif job.state is State.RUNNING:
            ahead[_line(job)] += 1
    ranked = []
    for priority, at, job in sorted(waiting, key=lambda each: each[:2]):
        ranked.append((priority, ahead[_line(job)], at, job))
        ahead[_line(job)] += 1
    return [each[-1] for each in sorted(ranked, key=lambda each: each[:3])]


def aged_priority(job: Job, now: datetime | None) -> int:
    """Its priority, better by one for each AGEING that it has waited, but not better than 2.

    1 stays for what a person calls urgent.
    """
    if now is None or job.created_at is None or job.priority <= _AGED_BEST:
        return job.priority
    steps = max(now - job.created_at, timedelta()) // AGEING
    return max(_AGED_BEST, job.priority - steps)


def running_by_pipeline(jobs: Iterable[Job]) -> Mapping[str, int]:
    """How many jobs of each pipeline run in the farm."""
    return Counter(job.pipeline for job in jobs if job.state is State.RUNNING and job.pipeline)


def _line(job: Job) -> _Line:
    return job.pipeline, job.branch


def offered(labels: Mapping[str, str]) -> frozenset[str]:
    """The requirements that a builder meets: `jdk: "11, 17"` offers `jdk`, `jdk=11`, `jdk=17`."""
    values = (
        f"{name}={value}" for name, text in labels.items() for value in _VALUES.split(text) if value
    )
    return frozenset({*labels, *values})


def refusal(
    job: Job,
    wanted: Wanted,
    state_of: Callable[[str], State | None],
    running: Mapping[str, int] = MappingProxyType({}),
) -> str:
    """Why a queued job does not match this builder now; "" when it does.

    `state_of` returns the state of another job by its id, None when there is no such job. `running`
    has the number of running jobs by pipeline.
    """
    if problem := problem_of_job_id(job.id):
        return f"invalid job id: {problem}"
    if job.commit is not None and not is_commit_id(job.commit):
        return f"invalid commit id {job.commit[:80]!r}"
    return (
        _person_refusal(job, wanted)
        or _pipeline_refusal(job, wanted)
        or _dependency_refusal(job, state_of)
        or _crowd_refusal(wanted.pipeline_of(job) or "", wanted.terms.concurrency, running)
    )


def deploys(pattern: JobPattern | None) -> bool:
    """Whether a pipeline with this `for:` may deploy: only one that says so may."""
    return pattern is not None and DEPLOY in pattern.types


def no_deployment(pipeline: str) -> str:
    """Why a job of type `deploy` is not for this pipeline."""
    return f"pipeline {pipeline} takes no jobs of type {DEPLOY} (`for: {{types: [{DEPLOY}]}}`)"


def names_no_source(job: Job) -> bool:
    """Whether nothing in the entry of an older program says what to build."""
    return not (job.pipeline or job.branch or job.commit)


def problem_without_pipeline(job: Job, wanted: Wanted) -> str:
    """Why no pipeline builds a job that names none."""
    if wanted.default_pipeline is None:
        return "it names no pipeline and default_pipeline is not set"
    return (
        f"it names no pipeline and default_pipeline builds only jobs of type {_BUILD},"
        f" not {job.type[:40]}"
    )


def waits_because(
    job: Job, offers: Sequence[Mapping[str, str]], state_of: Callable[[str], State | None]
) -> str:
    """Why no builder of the farm can claim a queued job now; "" when one can, once it is free.

    `offers` are the labels of the builders. What pipelines require is not known here.
    """
    if job.held:
        return job.held
    if waits := _dependency_refusal(job, state_of):
        return waits
    missing = [name for name in job.labels if not any(name in offered(each) for each in offers)]
    if missing:
        return f"no builder has the label {', '.join(sorted(missing))}"
    return f"only for builder {job.only_builder}" if job.only_builder else ""


def _person_refusal(job: Job, wanted: Wanted) -> str:
    if job.held:
        return job.held
    if job.only_builder and job.only_builder != wanted.builder:
        return f"only for builder {job.only_builder}"
    return ""


def _pipeline_refusal(job: Job, wanted: Wanted) -> str:
    pipeline = wanted.pipeline_of(job)
    if names_no_source(job):
        return NO_SOURCE
    if pipeline is None:
        return problem_without_pipeline(job, wanted)
    if wanted.pipeline is not None and pipeline != wanted.pipeline:
        return f"its pipeline is {pipeline}, not {wanted.pipeline}"
    if pipeline not in wanted.pipelines:
        return f"unknown pipeline {pipeline}"
    if hindrance := _hindrance(job, wanted, pipeline):
        return hindrance
    demanded = (*wanted.pipelines[pipeline], *job.labels)
    missing = sorted(set(demanded) - offered(wanted.labels))
    return f"missing label {', '.join(missing)}" if missing else ""


def _crowd_refusal(pipeline: str, most: Mapping[str, int], running: Mapping[str, int]) -> str:
    limit, there = most.get(pipeline), running.get(pipeline, 0)
    if limit is None or there < limit:
        return ""
    return f"{there} jobs of pipeline {pipeline} run in the farm, and its concurrency is {limit}"


def _hindrance(job: Job, wanted: Wanted, pipeline: str) -> str:
    if job.type == DEPLOY and not deploys(wanted.terms.takes.get(pipeline)):
        return no_deployment(pipeline)
    return wanted.terms.hindrances.get(pipeline, "")


def _dependency_refusal(job: Job, state_of: Callable[[str], State | None]) -> str:
    for dependency in job.dependencies:
        state = state_of(dependency)
        if state is None:
            return f"its dependency {dependency} is not in the queue"
        if state is not State.SUCCEEDED:
            return f"its dependency {dependency} is {state}"
    return ""

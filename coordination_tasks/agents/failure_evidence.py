"""Reads what is known about a failed job: its records, the source's changes, earlier failures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from common.errors import ApplicationError
from common.states import ENDED_BADLY, FAILURES, State
from coordination_tasks.agents.digest.document import (
    ChangeSince,
    Evidence,
    SourceCommit,
    named_files,
    tests_of,
)
from coordination_tasks.agents.digest.similar import Failure, Similar, signature, similar_failures
from coordination_tasks.build.ports import Pipelines
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.domain.errors import Conflict
from coordination_tasks.domain.model import Job, Transition, is_builder_id, is_commit_id
from coordination_tasks.domain.next_step import failed_step
from coordination_tasks.store.plans import last_built_job
from coordination_tasks.store.snapshot import Snapshot

_MOST_RETRIED = 200
"""Jobs that succeeded after a failure whose records are read, the newest first."""
_MOST_ALIKE = 50
_TEST_CLASS = re.compile(r"(?:[\w$]+\.)*([A-Z]\w*)(?:[.#:].*)?")
_GLOB = re.compile(r"([*?\[\]\\])")

Commits = Callable[[str, str, Sequence[str]], Sequence[SourceCommit] | None]
"""Commits from one to another (included), newest first; None: unknown here."""


def read_evidence(snapshot: Snapshot, job_id: str, commits: Commits) -> Evidence:
    """What is known about a job that did not succeed.

    Raises NotFound, Conflict when there is nothing to explain, Unavailable, BrokenDocument.
    """
    job = snapshot.job(job_id)
    if job.state not in ENDED_BADLY:
        raise Conflict(f"job {job_id} has not failed: its state is {job.state}")
    transitions = snapshot.transitions(job_id)
    change, between = _change(snapshot, job, failed_step(job, transitions), commits)
    return Evidence(
        job=job,
        transitions=transitions,
        change=change,
        commits=between,
        similar=_similar(snapshot, job, transitions),
    )


def commits_here(config: BuilderConfig, pipelines: Pipelines, job: Job) -> Commits:
    """The source's commits as the mirrors of this host's builders have them."""
    here = [config.state_dir]
    if job.assigned_to and is_builder_id(job.assigned_to):
        here.append(config.state_dir.parent / job.assigned_to)
    pipeline = job.pipeline or config.default_pipeline or ""

    def between(since: str, until: str, files: Sequence[str]) -> Sequence[SourceCommit] | None:
        for state_dir in dict.fromkeys(here):
            found = _between(pipelines, pipeline, state_dir, since, until, files)
            if found is not None:
                return found
        return None

    return between


def _between(
    pipelines: Pipelines,
    pipeline: str,
    state_dir: Path,
    since: str,
    until: str,
    files: Sequence[str],
) -> Sequence[SourceCommit] | None:
    try:
        found = pipelines.commits_between(pipeline, state_dir, since, until, files)
    except ApplicationError:  # an unusable pipelines file: the rest of the answer needs none
        return None
    if found is None:
        return None
    return [
        SourceCommit(commit=each.commit, touches=each.touches, subject=each.subject)
        for each in found
    ]


def _change(
    snapshot: Snapshot, job: Job, failure: Transition | None, commits: Commits
) -> tuple[ChangeSince | None, Sequence[SourceCommit]]:
    good = last_built_job(snapshot.jobs(), job)
    if good is None:
        return None, ()
    files = _patterns(failure)
    ids = (good.commit, job.commit)
    known = all(each and is_commit_id(each) for each in ids)
    found = commits(str(good.commit), str(job.commit), files) if known else None
    touching = sum(each.touches for each in found) if found is not None and files else None
    change = ChangeSince(
        job=good.id,
        commit=good.commit,
        completed_at=good.completed_at,
        commits=None if found is None else len(found),
        touching=touching,
    )
    return change, found or ()


def _patterns(failure: Transition | None) -> tuple[str, ...]:
    """Patterns of the files that a failure names; a test names its class."""
    files = [_GLOB.sub(r"\\\1", file.lstrip("/")) for file in named_files(failure)]
    classes = (_TEST_CLASS.fullmatch(name) for name in tests_of(failure))
    return tuple(dict.fromkeys([*files, *(f"**/{found[1]}.*" for found in classes if found)]))[:20]


def _similar(snapshot: Snapshot, job: Job, transitions: Sequence[Transition]) -> Similar | None:
    mine = [each for each in _failures(job, transitions) if each.attempt == job.attempt]
    if job.state not in FAILURES or not mine:
        return None
    jobs = snapshot.jobs()
    others = [*_failures(job, transitions), *_others(snapshot, jobs, mine[-1])]
    return similar_failures(mine[-1], others, jobs)


def _others(snapshot: Snapshot, jobs: Sequence[Job], like: Failure) -> Iterator[Failure]:
    """Failed attempts of other jobs that may be like this one, as far as they are read."""
    words = signature(like.reason)
    newest = sorted(jobs, key=lambda job: str(job.completed_at), reverse=True)
    others = [other for other in newest if other.id != like.job.id]
    alike = [o for o in others if o.state in FAILURES and signature(o.reason) == words]
    retried = [o for o in others if o.state is State.SUCCEEDED and o.attempt > 1]
    for other in (*alike[:_MOST_ALIKE], *retried[:_MOST_RETRIED]):
        yield from _failures(other, snapshot.transitions(other.id))


def _failures(job: Job, transitions: Sequence[Transition]) -> Iterator[Failure]:
    """Each attempt of the job that failed, for the step that failed first."""
    for end in transitions:
        if end.step is None and end.to_state in FAILURES:
            failed = [
                t
                for t in transitions
                if t.attempt == end.attempt and t.step and t.to_state in FAILURES
            ]
            named = (t for t in failed if end.reason == f"step {t.step}: {t.reason}")
            step = next(named, failed[0] if failed else None)
            code = step.details.get("code") if step else None
            yield Failure(
                job=job,
                attempt=end.attempt,
                at=end.at,
                code=str(code) if code else None,
                reason=f"step {step.step}: {step.reason}" if step else end.reason,
            )

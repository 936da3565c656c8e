"""The terms of coordination as frozen values; `documents` stores them as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from common.records import key, map_of, number, optional, text
from common.states import State
from coordination_tasks.domain.errors import BadRequest

MAX_ID_LENGTH = 200
_BUILDER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
RESERVED_IDS = frozenset({"all", "any", "coordination", "main", "pages", "shared"})
"""Words with another meaning in place of a builder's id: on a command line, in a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One commit to build with one pipeline, as `coordination/jobs.json` holds it."""

    id: str
    pipeline: str | None = None
    """Name of the pipeline; None in jobs that older programs wrote."""
    type: str = "build"
    priority: int = 5
    """1 is first, 10 last."""
    branch: str | None = None
    commit: str | None = None
    """Full object id; None until the claim resolves the branch."""
    params: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    """Labels that the builder must have, besides those of the pipeline."""
    dependencies: tuple[str, ...] = ()
    """Ids of jobs that must succeed first."""
    description: str = ""
    queued_by: str = ""
    """Who requested it; "" in jobs of older programs."""
    trigger: str = ""
    """The trigger that started it, like `cloudstack/push`; "": a person or a program did."""
    wanted_builder: str | None = None
    """The only builder that may claim it; None: every builder that matches."""
    held: str = ""
    """Who or what holds it; "": it is not held."""
    signature: str = ""
    """Of the request, by an ssh key: the base64 of ssh-keygen's file; "": it is not signed."""
    reproduces: str = ""
    """Id of the job whose artifacts it makes again, from scratch; "": it is no such job."""
    state: State = State.QUEUED
    assigned_to: str | None = None
    attempt: int = 0
    """Number of the latest attempt; 0 before the first claim."""
    token: int = 0
    """Fencing token: grows with each claim, release and reassignment of the job."""
    claim_id: str | None = None
    """Made by the claiming client, so that it recognises its own claim after a lost answer."""
    max_attempts: int = 3
    """Attempts that may end with a dead builder before the job fails."""
    reason: str = ""
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration_seconds: float | None = None

    @property
    def only_builder(self) -> str | None:
        """The only builder that may claim it; older programs assign queued jobs."""
        return self.wanted_builder or (self.assigned_to if self.state is State.QUEUED else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One builder's claim on a job; every later write for the job carries it."""

    job: Job
    builder: str
    number: int
    token: int
    claim_id: str
    ended_as: State | None = None
    """The state of a job that had ended before this attempt, which a release restores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """Immutable record that a job or a step changed from one state to another."""

    id: str
    """Unique; a transition that is sent twice is stored once."""
    job: str
    attempt: int
    token: int
    builder: str
    step: str | None
    """None when the job itself changed its state."""
    from_state: State
    to_state: State
    at: datetime
    """By the builder's clock, for people; no decision depends on it."""
    reason: str
    duration_seconds: float | None = None
    log: str | None = None
    """Path of the step's log on the builder."""
    details: Mapping[str, object] = field(default_factory=dict)
    """Further facts of the step: failure code, excerpt, outputs (JSON values)."""

    @classmethod
    def of_job(
        cls,
        job: Job,
        *,
        own_id: str,
        builder: str,
        from_state: State,
        at: datetime,
        reason: str,
        details: Mapping[str, object] | None = None,
    ) -> Transition:
        """The change of `job` by `builder` from `from_state` to its present state."""
        return cls(
            id=own_id,
            job=job.id,
            attempt=job.attempt,
            token=job.token,
            builder=builder,
            step=None,
            from_state=from_state,
            to_state=job.state,
            at=at,
            reason=reason,
            details=details or {},
        )

    @classmethod
    def of_step(
        cls,
        job: Job,
        step: str,
        *,
        own_id: str,
        builder: str,
        from_state: State,
        to_state: State,
        at: datetime,
        reason: str,
        duration_seconds: float | None = None,
        log: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> Transition:
        """The change by `builder` of a step of the job's latest attempt to `to_state`."""
        return cls(
            id=own_id,
            job=job.id,
            attempt=job.attempt,
            token=job.token,
            builder=builder,
            step=step,
            from_state=from_state,
            to_state=to_state,
            at=at,
            reason=reason,
            duration_seconds=duration_seconds,
            log=log,
            details=details or {},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BuilderProfile:
    """What a builder publishes about itself in `<builder>/status.json`."""

    id: str = key(text)
    ip: str = key(text, "")
    manager: str = key(text, "")
    address: str = key(text, "")
    """Destination for ssh: `user@host`, or `ssh://user@host:port`."""
    labels: Mapping[str, str] = key(map_of(text), factory=dict)
    heartbeats_at: str = key(text, "")
    """The branch of its heartbeats, which observers watch."""
    lease: float | None = key(optional(number()), None)
    """Seconds without a heartbeat after which others may take its job."""
    instance: str = key(text, "")
    """Random id of its `state_dir`: two hosts with one builder id differ in it."""


def is_builder_id(text: str) -> bool:
    """Whether `text` can name a builder: it becomes the name of a directory and of a branch."""
    return _BUILDER_ID.fullmatch(text) is not None and text not in RESERVED_IDS


def check_builder_id(text: str) -> None:
    """Raise BadRequest unless `text` can name a builder."""
    if not is_builder_id(text):
        raise BadRequest(f"invalid builder id {text[:80]!r}")


def is_commit_id(text: str) -> bool:
    """Whether `text` can be a commit's id, complete or shortened: git takes it for no option."""
    return _COMMIT.fullmatch(text) is not None


def is_job_id(text: str) -> bool:
    """Whether `text` can be a job's id: printable, bounded. Paths quote it."""
    return 0 < len(text) <= MAX_ID_LENGTH and text.isprintable() and text == text.strip()

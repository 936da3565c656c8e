"""Which manifest is that of a job: the records of its attempts decide."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from common.states import State
from coordination_tasks.documents.paths import manifest_path
from coordination_tasks.domain.errors import BrokenDocument, NotFound
from coordination_tasks.domain.model import Transition
from coordination_tasks.farm.artifacts.manifest import Manifest, read_manifest
from coordination_tasks.store.operations.attempt import (
    MANIFEST_KEY,
    SIGNATURE_KEY,
    is_restored,
)
from coordination_tasks.store.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The manifest that a successful attempt published."""

    job: str
    attempt: int
    builder: str
    path: str
    """In the coordination repository."""
    address: str
    """Of the builder, for ssh; "" when it is unknown."""
    manifest: Manifest
    signature: str
    """Of the manifest; "" if it is not signed."""
    at: datetime
    """When its builder recorded the success, by its own clock."""


def good_ends(snapshot: Snapshot, job_id: str) -> list[Transition]:
    """The successes of a job, the last one last. Raises BrokenDocument."""
    return [
        move
        for move in snapshot.transitions(job_id)
        if move.step is None and move.to_state is State.SUCCEEDED and not is_restored(move)
    ]


def recorded_digest(end: Transition) -> str:
    """SHA-256 of the manifest that a success recorded; "" for none, and for older programs."""
    return str(end.details.get(MANIFEST_KEY) or "")


def find_published(snapshot: Snapshot, job_id: str) -> Published:
    """The manifest of the job's last success. Raises NotFound, BrokenDocument."""
    job = snapshot.job(job_id)
    ends = good_ends(snapshot, job_id)
    if not ends:
        raise NotFound(f"job {job_id} has no artifacts: its state is {job.state}")
    return published_by(snapshot, ends[-1])


def published_by(snapshot: Snapshot, end: Transition) -> Published:
    """The manifest of one success. Raises NotFound, BrokenDocument."""
    job_id = end.job
    data = snapshot.manifest(end.builder, job_id, end.attempt)
    if data is None:
        raise NotFound(f"job {job_id}, attempt {end.attempt}, published no manifest")
    digest = recorded_digest(end)
    if digest and hashlib.sha256(data).hexdigest() != digest:
        raise BrokenDocument(f"the manifest of job {job_id} was changed after the attempt ended")
    try:
        manifest = read_manifest(data)
    except ValueError as error:
        raise BrokenDocument(f"the manifest of job {job_id} is unreadable: {error}") from error
    return Published(
        job=job_id,
        attempt=end.attempt,
        builder=end.builder,
        path=manifest_path(end.builder, job_id, end.attempt),
        address=_address(snapshot, end.builder),
        manifest=manifest,
        signature=str(end.details.get(SIGNATURE_KEY) or ""),
        at=end.at,
    )


def _address(snapshot: Snapshot, builder: str) -> str:
    with suppress(NotFound, BrokenDocument):
        status = snapshot.builder_status(snapshot.present_name(builder))
        return status.address or status.ip
    return ""

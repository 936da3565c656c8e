"""Whether the manifests of successful jobs exist and are unchanged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from common.states import State
from coordination_tasks.documents import json_edit
from coordination_tasks.documents.paths import manifest_path
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.fsck.finding import Finding
from coordination_tasks.store.operations.attempt import MANIFEST_KEY
from coordination_tasks.store.snapshot import Snapshot

_BUILD_AGAIN = "see the history of that file, or build the job again: doit build --job {job}"


def check_manifests(snapshot: Snapshot) -> Iterator[Finding]:
    """Problems of the manifests of the queue's jobs. Raises BrokenDocument for the queue.

    Attempts without a recorded digest (of older programs, or without a manifest) may have none.
    """
    for job in snapshot.jobs():
        ends: dict[int, Transition | None] = {
            end.attempt: end for end in snapshot.transitions(job.id) if _is_good_end(end)
        }
        if job.state is State.SUCCEEDED and job.attempt:
            ends.setdefault(job.attempt, None)
        for attempt, end in ends.items():
            yield from _check(snapshot, job, attempt, end)


def _is_good_end(move: Transition) -> bool:
    return move.step is None and move.to_state is State.SUCCEEDED


def _check(snapshot: Snapshot, job: Job, attempt: int, end: Transition | None) -> Iterator[Finding]:
    builder = end.builder if end else job.assigned_to
    if not builder:
        return
    path = manifest_path(builder, job.id, attempt)
    digest = end.details.get(MANIFEST_KEY) if end else None
    problem = _problem(path, snapshot.manifest(builder, job.id, attempt), digest)
    if problem:
        remedy = _BUILD_AGAIN.format(job=job.id)
        yield Finding(path=path, problem=problem, remedy=remedy)


def _problem(path: str, data: bytes | None, digest: object) -> str:
    if data is None:
        return f"{path}: missing manifest" if digest else ""
    try:
        found = json_edit.parse_object(path, json_edit.decode(path, data))
    except BrokenDocument as error:
        return str(error.args[0])  # without the remedy, which names doit fsck
    if not isinstance(found.get("artifacts"), list):
        return f"{path}: the manifest has no list `artifacts`"
    if digest and hashlib.sha256(data).hexdigest() != digest:
        return f"{path}: the manifest was changed after the attempt ended"
    return ""

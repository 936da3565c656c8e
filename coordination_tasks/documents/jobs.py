"""`coordination/jobs.json`: the queue, read tolerantly; many jobs can change in one pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeGuard

from common.states import State
from coordination_tasks.documents import json_edit
from coordination_tasks.documents.archive import find_job, unreadable_beside
from coordination_tasks.documents.archive_files import Files
from coordination_tasks.documents.codec import (
    Unreadable,
    changed_members,
    is_queued,
    is_reproduction,
    is_unfinished,
    job_from,
    job_members,
)
from coordination_tasks.documents.paths import JOBS, request_path
from coordination_tasks.domain.errors import BrokenDocument, NotFound
from coordination_tasks.domain.model import Job
from coordination_tasks.repository.draft import Draft

_ALWAYS = ("pipeline", "params", "labels")
"""Members that we always write: an entry without one of them was rewritten by another program."""
_KEPT = (
    *(*_ALWAYS, "max_attempts", "queued_by", "trigger", "wanted_builder", "held", "signature"),
    "reproduces",
)
_NEW = json_edit.dump({"jobs": [], "metadata": {}})


class JobsDocument:
    """The jobs of one version. Invalid entries are kept in the text, and reported."""

    def __init__(self, data: bytes | None, files: Files | None = None) -> None:
        """`files` contain the archive. Raises BrokenDocument when the shape is wrong."""
        self._files = files
        self._text = _NEW if data is None else json_edit.decode(JOBS, data)
        raws = json_edit.parse_object(JOBS, self._text).get("jobs", [])
        if not isinstance(raws, list):
            raise BrokenDocument(f"{JOBS} is broken: `jobs` is not a list")
        self._raws: list[object] = raws
        self._found = len(raws)
        self._changes: dict[int, dict[str, object]] = {}
        self._jobs: dict[int, Job] = {}
        self._index: dict[object, int] = {}
        for index, raw in enumerate(raws):
            job_id = raw.get("id") if isinstance(raw, dict) else None
            if isinstance(job_id, str):
                self._index.setdefault(job_id, index)

    @property
    def data(self) -> bytes:
        """The document's new text."""
        text = self._text
        added = self._raws[self._found :]
        if self._changes:
            entries = json_edit.scan_array(text, _array_at(text))
            for index in sorted(self._changes, reverse=True):
                text = json_edit.set_members(text, self._changes[index], entries[index].start)
        if added and not _array_at(text):
            text = json_edit.set_members(text, {"jobs": []})
        at = _array_at(text) if added else 0
        for members in added:
            text = json_edit.append_element(text, at, members)
        return text.encode("utf-8")

    def __iter__(self) -> Iterator[Job]:
        """The readable jobs, in the file's order."""
        return self._readable()

    def queued(self) -> Iterator[Job]:
        """The readable queued jobs, in the file's order; quick in a long file."""
        return self._readable(is_queued)

    def get(self, job_id: str) -> Job | None:
        """A job by its id; None when there is none. Raises BrokenDocument if it is unreadable."""
        index = self._index.get(job_id)
        if index is None:
            return None
        try:
            return self._job(index)
        except Unreadable as error:
            raise BrokenDocument(f"{JOBS} is broken: job {job_id} {error}") from error

    def unfinished(self) -> Iterator[Job]:
        """The readable queued and running jobs, in the file's order; quick in a long file."""
        return self._readable(is_unfinished)

    def reproductions(self) -> Iterator[Job]:
        """The readable jobs that make others' artifacts again; quick in a long file."""
        return self._readable(is_reproduction)

    def claimed_as(self, claim_id: str) -> Job | None:
        """The job that the claim with this id took, if that is still the job's latest claim."""
        for raw in self._raws:
            if isinstance(raw, dict) and raw.get("claim_id") == claim_id:
                return self.get(str(raw.get("id")))
        return None

    def find(self, job_id: str) -> Job | None:
        """Like `get`, but includes archived jobs."""
        job = self.get(job_id)
        if job is not None or self._files is None:
            return job
        return find_job(self._files, job_id)

    def require(self, job_id: str) -> Job:
        """A job by its id, archived or not. Raises NotFound, BrokenDocument."""
        job = self.find(job_id)
        if job is None:
            lost = ", ".join(unreadable_beside(self._files, job_id)) if self._files else ""
            why = f" (but some entries are unreadable: {lost})" if lost else ""
            raise NotFound(f"unknown job {job_id[:200]!r}{why}")
        return job

    def state_of(self, job_id: str) -> State | None:
        """State of a job, archived or not; None when there is no readable one."""
        try:
            job = self.find(job_id)
        except BrokenDocument:
            return None  # an unreadable entry blocks its dependents, not the queue
        return job.state if job else None

    def unreadable(self) -> tuple[str, ...]:
        """The errors of unreadable entries, one line each."""
        problems = []
        for index, raw in enumerate(self._raws):
            job = f" (job {raw['id'][:200]})" if _is_entry(raw) else ""
            where = f"{JOBS}: entry {index + 1}{job}"
            try:
                job_id = self._job(index).id
            except Unreadable as error:
                problems.append(f"{where} {error}")
            else:
                if self._index[job_id] != index:
                    problems.append(f"{where} has the same id as an earlier one")
        return tuple(problems)

    def restored(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Jobs that read otherwise than requested since another program removed these members."""
        for index, raw in enumerate(self._raws):
            lost = _lost_members(raw) if _is_entry(raw) else ()
            with suppress(Unreadable):  # reported by `unreadable`
                if lost and self._job(index) != job_from(raw):
                    yield self._job(index).id, lost

    def doubled(self) -> frozenset[str]:
        """Ids of several entries; the first entry counts."""
        ids = ((index, raw.get("id")) for index, raw in enumerate(self._raws) if _is_entry(raw))
        return frozenset(str(job_id) for index, job_id in ids if self._index[job_id] != index)

    def put(self, job: Job) -> None:
        """Change the job with this id, or append it."""
        if self.get(job.id) is None:
            self._index[job.id] = len(self._raws)
            self._raws.append(job_members(job))
            return
        index = self._index[job.id]
        raw = self._raws[index]
        if not isinstance(raw, dict):
            raise BrokenDocument(f"{JOBS} is broken: entry {index + 1} is not an object")
        changes = changed_members(raw, job_from(raw), job)
        raw.update(changes)
        self._jobs.pop(index, None)
        if changes and index < self._found:
            self._changes.setdefault(index, {}).update(changes)

    def entry(self, job_id: str) -> Mapping[str, object]:
        """The members of a job that is in the queue, unknown ones included."""
        raw = self._raws[self._index[job_id]]
        return raw if isinstance(raw, dict) else {}

    def put_entry(self, entry: Mapping[str, object]) -> None:
        """Set all these members of the job with that id, or append it."""
        job_id = entry["id"]
        index = self._index.get(job_id)
        raw = None if index is None else self._raws[index]
        if index is None or not isinstance(raw, dict):
            self._index[job_id] = len(self._raws)
            self._raws.append(dict(entry))
            return
        raw.update(entry)
        self._jobs.pop(index, None)
        if index < self._found:
            self._changes.setdefault(index, {}).update(entry)

    def _job(self, index: int) -> Job:
        if index not in self._jobs:
            raw = self._raws[index]
            job = job_from(raw)
            if self._files and isinstance(raw, dict) and _lost_members(raw):
                job = _restored(job, raw, self._files) or job
            self._jobs[index] = job
        return self._jobs[index]

    def _readable(self, wanted: Callable[[object], bool] = lambda _: True) -> Iterator[Job]:
        for index, raw in enumerate(self._raws):
            if not wanted(raw):
                continue
            try:
                job = self._job(index)
            except Unreadable:
                continue  # reported by `unreadable`
            if self._index[job.id] == index:
                yield job


def _array_at(text: str) -> int:
    """The start of the list of jobs, in a text that has one."""
    found = json_edit.member(text, "jobs")
    return found.start if found else 0


def _is_entry(raw: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(raw, dict) and isinstance(raw.get("id"), str)


def read_jobs(draft: Draft) -> JobsDocument:
    """The draft's queue. Raises BrokenDocument."""
    return JobsDocument(draft.read(JOBS), draft)


def write_jobs(draft: Draft, jobs: JobsDocument) -> None:
    """Make `jobs` the draft's queue."""
    draft.write(JOBS, jobs.data)


def keep_request(draft: Draft, job: Job) -> None:
    """Store what this job requests, beside the queue.

    Older programs that change an entry may drop the members that they do not know. Without this
    copy the job would be built with another pipeline, or on a builder that lacks its labels.
    """
    members = job_members(job)
    document = {key: members[key] for key in _KEPT if key in members}
    draft.write(request_path(job.id), (json.dumps(document) + "\n").encode())


def _lost_members(raw: Mapping[str, object]) -> tuple[str, ...]:
    """The members that an unfinished entry of the queue lacks, though we always write them."""
    return tuple(key for key in _ALWAYS if key not in raw) if is_unfinished(raw) else ()


def _restored(job: Job, raw: Mapping[str, object], files: Files) -> Job | None:
    """The job of an entry that lost members, as it was requested; None: no request is known."""
    data = files.read(request_path(job.id))
    try:
        found = json.loads(data) if data else None
        kept = job_from({**found, **raw}) if isinstance(found, dict) else None
    except (ValueError, Unreadable, RecursionError):
        return None
    if kept is None:
        return None
    return replace(
        job,
        pipeline=kept.pipeline,
        params=kept.params,
        labels=kept.labels,
        max_attempts=kept.max_attempts,
        queued_by=kept.queued_by,
        trigger=kept.trigger,
        wanted_builder=kept.wanted_builder,
        held=kept.held,
        signature=kept.signature,
        reproduces=kept.reproduces,
    )

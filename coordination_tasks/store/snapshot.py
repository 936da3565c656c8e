"""The store at one moment: everything read here is from the same version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from common.states import State
from coordination_tasks.documents.archive import find_logs, find_manifest, joined_lines
from coordination_tasks.documents.archive_files import ArchivedFiles
from coordination_tasks.documents.builder_status import BuilderStatus, read_status
from coordination_tasks.documents.drains import Drain, read_drains
from coordination_tasks.documents.jobs import JobsDocument
from coordination_tasks.documents.locks import Lock, read_locks
from coordination_tasks.documents.messages import Message, MessagesDocument
from coordination_tasks.documents.paths import (
    DRAINS,
    JOBS,
    LOCKS,
    MESSAGES,
    attempt_of,
    heartbeat_path,
    manifest_path,
    plan_path,
    status_path,
    transitions_folder,
    transitions_path,
)
from coordination_tasks.documents.transitions import TransitionLog
from coordination_tasks.domain.errors import BrokenDocument, NotFound
from coordination_tasks.domain.model import Job, Transition, is_builder_id
from coordination_tasks.repository.protocol import Version, Versions


@dataclass(frozen=True, slots=True)
class Log:
    """The transitions of one attempt."""

    path: str
    """The file that contains them; the archive's if all of them are archived."""
    data: bytes


def attempt_logs(archived: ArchivedFiles, job_id: str) -> Mapping[int, Log]:
    """The transitions of a job by attempt number, archived ones included."""
    files, packed = archived.files, find_logs(archived, job_id)
    folder = transitions_folder(job_id)
    found = {}
    for path in sorted({*packed, *(f"{folder}/{name}" for name in files.names(folder))}):
        attempt, data = attempt_of(path.removeprefix(f"{folder}/")), files.read(path)
        old = packed.get(path)
        if attempt is not None:
            whole = joined_lines(old.data if old else b"", data or b"")
            found[attempt] = Log(old.path if old and data is None else path, whole)
    return found


class _FilesOfVersion:
    """Files of one version; apart from Snapshot, whose parts refer to them and not back to it.

    A cycle would keep a large farm in memory until Python looks for one.
    """

    def __init__(self, repository: Versions, version: Version) -> None:
        self._repository = repository
        self._version = version

    def read(self, path: str) -> bytes | None:
        return self._repository.read(self._version, path)

    def names(self, folder: str) -> tuple[str, ...]:
        return self._repository.names(self._version, folder)


class Snapshot:
    """All methods raise Unavailable, and BrokenDocument for the document that they read."""

    def __init__(self, repository: Versions, version: Version) -> None:
        self._version = version
        self._files = _FilesOfVersion(repository, version)
        self._statuses: dict[str, BuilderStatus] = {}

    @property
    def version(self) -> str:
        """Identifies the moment; opaque."""
        return self._version

    def read(self, path: str) -> bytes | None:
        """Content of a file; None when it does not exist."""
        return self._files.read(path)

    def names(self, folder: str) -> tuple[str, ...]:
        """Sorted names of the entries directly in a folder ("" is the top)."""
        return self._files.names(folder)

    @cached_property
    def queue(self) -> JobsDocument:
        """The jobs, archived ones included where one is asked for by its id. Not to be changed."""
        return JobsDocument(self.read(JOBS), self._files)

    def jobs(self) -> tuple[Job, ...]:
        """All readable jobs, in the file's order."""
        return tuple(self.queue)

    def reproducing(self, job_id: str) -> tuple[Job, ...]:
        """The jobs that make the artifacts of this one again, in the file's order."""
        return tuple(self._reproductions.get(job_id, ()))

    def unreadable_jobs(self) -> tuple[str, ...]:
        """The errors of the unreadable ones, one line each."""
        return self.queue.unreadable()

    def job(self, job_id: str) -> Job:
        """One job, archived or not. Raises NotFound."""
        return self.queue.require(job_id)

    def state_of(self, job_id: str) -> State | None:
        """State of a job, archived or not; None when there is no readable one."""
        return self.queue.state_of(job_id)

    def attempts(self, job_id: str) -> tuple[int, ...]:
        """Numbers of the attempts with transitions; 0 means before the first attempt."""
        return tuple(sorted(self.logs(job_id)))

    def logs(self, job_id: str) -> Mapping[int, Log]:
        """The transitions by attempt number, archived ones included."""
        return attempt_logs(self._archived, job_id)

    def transitions(self, job_id: str, attempt: int | None = None) -> tuple[Transition, ...]:
        """The transitions of a job, in order; of one attempt, or of all."""
        logs = self.logs(job_id)
        numbers = sorted(logs) if attempt is None else {attempt} & logs.keys()
        return tuple(t for n in numbers for t in TransitionLog(logs[n].data).transitions)

    def unreadable_transitions(self, job_id: str) -> tuple[str, ...]:
        """The errors of unreadable lines in the job's transitions."""
        return tuple(
            f"{log.path}: {problem}"
            for _, log in sorted(self.logs(job_id).items())
            for problem in TransitionLog(log.data).unreadable
        )

    def builders(self) -> tuple[str, ...]:
        """Ids of the builders that have published a status."""
        return self._builders

    def builder_status(self, builder: str) -> BuilderStatus:
        """What a builder last published. Raises NotFound."""
        if builder not in self._statuses:
            status = self._status(builder)
            if status is None:
                raise NotFound(f"unknown builder {builder[:80]!r}")
            heartbeat = self.read(heartbeat_path(builder))
            self._statuses[builder] = read_status(builder, status, heartbeat)
        return self._statuses[builder]

    def present_name(self, builder: str) -> str:
        """The id that a builder has now: records keep the one that it had then."""
        if builder in self._builders:
            return builder
        for name in self._builders:
            with suppress(BrokenDocument):
                if builder in self.builder_status(name).formerly:
                    return name
        return builder

    def sign_of(self, builder: str, jobs: Iterable[Job]) -> str:
        """Changes with every write of the builder while it builds these jobs; opaque."""
        paths = [transitions_path(job.id, job.attempt) for job in jobs]
        if is_builder_id(builder):
            paths.append(heartbeat_path(builder))
        contents = (self.read(path) or b"" for path in paths)
        return " ".join(hashlib.sha256(content).hexdigest() for content in contents)

    def manifest(self, builder: str, job_id: str, attempt: int) -> bytes | None:
        """The manifest of an attempt; None when there is none."""
        if not is_builder_id(builder):
            return None
        data = self.read(manifest_path(builder, job_id, attempt))
        return find_manifest(self._archived, builder, job_id, attempt) if data is None else data

    def plan(self, digest: str) -> bytes | None:
        """The plan with this SHA-256; None when it is missing or was changed."""
        path = plan_path(digest)
        data = self.read(path) if path else None
        whole = data is not None and hashlib.sha256(data).hexdigest() == digest
        return data if whole else None

    def locks(self) -> tuple[Lock, ...]:
        """The locks that are taken, including expired ones."""
        return read_locks(self.read(LOCKS))

    def drains(self) -> Mapping[str, Drain]:
        """The drains in force, by builder (ALL: all builders)."""
        return read_drains(self.read(DRAINS))

    def messages(self) -> tuple[Message, ...]:
        """The readable messages, in the file's order."""
        return self._messages.messages

    def unreadable_messages(self) -> tuple[str, ...]:
        """The errors of the unreadable ones, one line each."""
        return self._messages.unreadable()

    @cached_property
    def _reproductions(self) -> Mapping[str, list[Job]]:
        found: dict[str, list[Job]] = {}
        for job in self.queue.reproductions():
            found.setdefault(job.reproduces, []).append(job)
        return found

    @cached_property
    def _messages(self) -> MessagesDocument:
        return MessagesDocument(self.read(MESSAGES))

    @cached_property
    def _builders(self) -> tuple[str, ...]:
        names = self.names("")
        return tuple(name for name in names if is_builder_id(name) and self._status(name))

    @cached_property
    def _archived(self) -> ArchivedFiles:
        return ArchivedFiles(self._files)

    def _status(self, builder: str) -> bytes | None:
        if not is_builder_id(builder):
            return None
        return self.read(status_path(builder))

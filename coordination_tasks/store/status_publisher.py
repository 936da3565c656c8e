"""Publishes a builder's status, as part of its other writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.states import State
from coordination_tasks.documents.builder_status import (
    HostLoad,
    StatusChange,
    heartbeat_data,
    read_status,
    status_data,
)
from coordination_tasks.documents.jobs import read_jobs
from coordination_tasks.documents.paths import heartbeat_path, status_path
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import BuilderProfile
from coordination_tasks.repository.draft import Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """One builder at one moment. `notice` receives readable lines."""

    profile: BuilderProfile
    now: datetime
    load: HostLoad | None
    notice: Callable[[str], None]

    def publish(self, draft: Draft, change: StatusChange) -> None:
        """Write status.json and heartbeat.json; a broken one is reported and left unchanged."""
        path = status_path(self.profile.id)
        self._replace(
            draft,
            path,
            lambda old: status_data(old, self.profile, change, now=self.now, load=self.load),
        )
        self.beat(draft)

    def beat(self, draft: Draft) -> None:
        """Write only heartbeat.json."""
        self._replace(
            draft,
            heartbeat_path(self.profile.id),
            lambda old: heartbeat_data(old, self.profile, now=self.now, load=self.load),
        )

    def builds_other_than(self, draft: Draft, job_id: str) -> bool:
        """Whether the builder's published status already names another job than this one."""
        return self._published_job(draft) not in {None, job_id}

    def names_cancelled(self, draft: Draft, job_id: str) -> bool:
        """Whether the builder's published status names this job, and the job was cancelled.

        Of a job that another builder took, the one that comes back late writes nothing.
        """
        is_named = self._published_job(draft) == job_id
        return is_named and read_jobs(draft).state_of(job_id) is State.CANCELLED

    def _published_job(self, draft: Draft) -> object:
        data = draft.read(status_path(self.profile.id))
        if data is None:
            return None
        try:
            job = read_status(self.profile.id, data, None).current_job
        except BrokenDocument:
            return None  # reported when the status is published
        return job.get("id", "") if job else None

    def _replace(self, draft: Draft, path: str, data: Callable[[bytes | None], bytes]) -> None:
        try:
            draft.write(path, data(draft.read(path)))
        except BrokenDocument as error:
            # a broken report must not block the queue
            self.notice(str(error))

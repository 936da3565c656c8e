"""Publishes what a builder does, as part of the writes by which it does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from coordination_tasks.documents.builder_status import (
    HostLoad,
    StatusChange,
    heartbeat_data,
    read_status,
    status_data,
)
from coordination_tasks.documents.paths import heartbeat_path, status_path
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import BuilderProfile
from coordination_tasks.repository.draft import Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """One builder at one moment. `notice` takes a line for a person."""

    profile: BuilderProfile
    now: datetime
    load: HostLoad | None
    notice: Callable[[str], None]

    def publish(self, draft: Draft, change: StatusChange) -> None:
        """Write status.json and heartbeat.json; a broken one is told and left as it is."""
        path = status_path(self.profile.id)
        self._replace(
            draft,
            path,
            lambda old: status_data(old, self.profile, change, now=self.now, load=self.load),
        )
        self.beat(draft)

    def beat(self, draft: Draft) -> None:
        """Write heartbeat.json alone."""
        self._replace(
            draft,
            heartbeat_path(self.profile.id),
            lambda old: heartbeat_data(old, self.profile, now=self.now, load=self.load),
        )

    def builds_other_than(self, draft: Draft, job_id: str) -> bool:
        """Whether the builder has published that it builds another job than this by now."""
        data = draft.read(status_path(self.profile.id))
        if data is None:
            return False
        try:
            job = read_status(self.profile.id, data, None).current_job
        except BrokenDocument:
            return False  # told when it is published
        return job is not None and job.get("id") != job_id

    def _replace(self, draft: Draft, path: str, data: Callable[[bytes | None], bytes]) -> None:
        try:
            draft.write(path, data(draft.read(path)))
        except BrokenDocument as error:
            # the queue must not stand still because of a report
            self.notice(str(error))

"""A person's requests to the farm from any machine. Each call is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from coordination_tasks.documents.drains import ALL, Drain, end_drain, set_drain
from coordination_tasks.domain.model import Job, check_builder_id
from coordination_tasks.domain.secret_scan import refuse_secrets
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.operations.control import (
    LIKE_THE_LAST,
    Actor,
    JobChange,
    NextAttempt,
    cancel,
    change_job,
    release,
    retry,
)
from coordination_tasks.store.operations.trigger_state import Pause
from coordination_tasks.store.operations.triggers import pause, resume
from coordination_tasks.store.store import Store


class Control:
    """Acts for `person` through `store`.

    Methods raise what a transaction raises. `clock` sets the recorded times.
    """

    def __init__(
        self, store: Store, person: str, *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        refuse_secrets("who acts", person)
        self._store = store
        self._person = person
        self._clock = clock

    def cancel(self, job_ids: Sequence[str], reason: str = "") -> tuple[Job, ...]:
        """Cancel queued or running jobs, all of them or none. Raises NotFound, Conflict."""
        return self._on_jobs(job_ids, lambda draft, job: cancel(draft, job, reason, self._actor()))

    def retry(
        self, job_ids: Sequence[str], following: NextAttempt = LIKE_THE_LAST
    ) -> tuple[Job, ...]:
        """Queue failed, timed-out or cancelled jobs again, all of them or none.

        Raises NotFound, Conflict, BadRequest.
        """
        return self._on_jobs(
            job_ids, lambda draft, job: retry(draft, job, following, self._actor())
        )

    def release(
        self, job_ids: Sequence[str], reason: str = "", *, force: bool = False
    ) -> tuple[Job, ...]:
        """Queue running jobs again that their builders do not build; with `force`, any.

        Raises NotFound, Conflict.
        """
        return self._on_jobs(
            job_ids, lambda draft, job: release(draft, job, reason, self._actor(), force=force)
        )

    def change(self, job_ids: Sequence[str], change: JobChange) -> tuple[Job, ...]:
        """Change the settings of queued jobs. Raises NotFound, Conflict, BadRequest."""
        return self._on_jobs(
            job_ids, lambda draft, job: change_job(draft, job, change, self._actor())
        )

    def drain(self, builder: str, reason: str = "") -> Drain:
        """Let a builder, or ALL, claim no more; returns the drain in force. Raises BadRequest."""
        _check_builder(builder)
        refuse_secrets("the reason", reason)
        drain = Drain(builder=builder, by=self._person, at=self._actor().now, reason=reason)
        return self._store.change(lambda draft: set_drain(draft, drain))

    def resume(self, builder: str) -> Drain | None:
        """Let it claim again; returns the drain that was ended, None when there was none."""
        _check_builder(builder)
        return self._store.change(lambda draft: end_drain(draft, builder, by=self._person))

    def pause_trigger(self, name: str, reason: str = "") -> Pause:
        """Let a trigger start nothing; returns the pause in force."""
        now = self._actor().now
        return self._store.change(lambda d: pause(d, name, reason, by=self._person, now=now))

    def resume_trigger(self, name: str) -> Pause | None:
        """Let it start jobs again; returns the pause that was ended, None when there was none."""
        return self._store.change(lambda draft: resume(draft, name, by=self._person))

    def _actor(self) -> Actor:
        now = self._clock().replace(microsecond=0)
        return Actor(person=self._person, builder=self._store.builder, now=now)

    def _on_jobs(self, job_ids: Sequence[str], act: Callable[[Draft, str], Job]) -> tuple[Job, ...]:
        return self._store.change(
            lambda draft: tuple(act(draft, job_id) for job_id in job_ids), queue=True
        )


def _check_builder(builder: str) -> None:
    if builder != ALL:
        check_builder_id(builder)

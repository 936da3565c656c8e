"""Moves finished records to the archive, so that the live files stay small.

Each batch is one write that moves records from their place to the archive. Whenever this ends, and
whoever does the same concurrently, every record is in exactly one of the two places.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from coordination_tasks.documents.archive import (
    archive_jobs,
    archive_log,
    archive_messages,
    find_job,
    month_of,
)
from coordination_tasks.documents.archive_files import Files
from coordination_tasks.documents.jobs import JobsDocument
from coordination_tasks.documents.messages import (
    TO_ALL,
    Message,
    MessagesDocument,
    entry_rule,
)
from coordination_tasks.documents.paths import JOBS, MESSAGES, job_of_manifest, logs_folder
from coordination_tasks.documents.retention import Ages, by_quoted_id, due_jobs, log_time
from coordination_tasks.domain.errors import BrokenDocument, SecretFound
from coordination_tasks.domain.model import is_builder_id
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.store import Store

BATCH = 500
"""Maximum of records per write: a slow write would lose every race."""

Log = tuple[str, str, str]
"""Builder, file name, month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What was archived, or would be."""

    jobs: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    """Paths in the repository."""

    def __len__(self) -> int:
        return len(self.jobs) + len(self.messages) + len(self.logs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeping:
    """`notice` receives the name of a broken document; the others are processed.

    `report` receives the ids of messages in which something was withheld.
    """

    store: Store
    ages: Ages
    now: datetime
    notice: Callable[[str], None]
    report: Callable[[str], None] = lambda _line: None
    _told: set[str] = field(init=False, default_factory=set)

    def look(self) -> Moved:
        """What would be archived now."""
        files = self.store.snapshot()
        return Moved(
            jobs=self._whole(lambda: tuple(_due_jobs(files, self._before(self.ages.jobs)))),
            messages=self._whole(lambda: _ids(self._due_messages(files))),
            logs=self._whole(lambda: _paths(self._due_logs(files))),
        )

    def run(self) -> Moved:
        """Archive it; raises what a transaction raises."""
        return Moved(
            jobs=self._whole(lambda: self._all(self._move_jobs, queue=True)),
            messages=self._whole(self._move_all_messages),
            logs=self._whole(lambda: self._all(self._move_logs)),
        )

    def _whole(self, part: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        try:
            return part()
        except (BrokenDocument, SecretFound) as error:
            if str(error) not in self._told:  # several parts may need the same document
                self._told.add(str(error))
                self.notice(str(error))
            return ()

    def _all(
        self, move: Callable[[Draft], tuple[str, ...]], *, queue: bool = False
    ) -> tuple[str, ...]:
        moved: tuple[str, ...] = ()
        while batch := self.store.change(move, queue=queue):
            moved += batch
        return moved

    def _move_jobs(self, draft: Draft) -> tuple[str, ...]:
        due = dict(islice(_due_jobs(draft, self._before(self.ages.jobs)).items(), BATCH))
        if due:
            archive_jobs(draft, {job_id: month_of(end) for job_id, end in due.items()})
            draft.note(f"{self.store.builder}: archive {len(due)} jobs")
        return tuple(due)

    def _move_all_messages(self) -> tuple[str, ...]:
        document = MessagesDocument(self.store.snapshot().read(MESSAGES))
        suspects = {
            message.id: rule for _, raw, message in document.entries if (rule := entry_rule(raw))
        }
        moved = self._all(self._move_messages)
        for message_id in moved:
            if message_id in suspects:
                self.report(
                    f"message {message_id} contained what looks like a secret"
                    f" ({suspects[message_id]}): withheld in the archive, but the history of main"
                    " still has it. Change the secret if it is real."
                )
        return moved

    def _move_messages(self, draft: Draft) -> tuple[str, ...]:
        due = dict(islice(self._due_messages(draft).items(), BATCH))
        if due:
            archive_messages(draft, MessagesDocument(draft.read(MESSAGES)), due, now=self.now)
            draft.note(f"{self.store.builder}: archive {len(due)} messages")
        return _ids(due)

    def _move_logs(self, draft: Draft) -> tuple[str, ...]:
        due = self._due_logs(draft)[:BATCH]
        for builder, name, month in due:
            archive_log(draft, builder, name, month)
        if due:
            draft.note(f"{self.store.builder}: archive {len(due)} logs")
        return _paths(due)

    def _due_messages(self, files: Files) -> dict[int, Message]:
        before = self._before(self.ages.messages)
        return {
            index: message
            for index, _, message in MessagesDocument(files.read(MESSAGES)).entries
            if message.at and message.at < before and _is_done(message)
        }

    def _due_logs(self, files: Files) -> list[Log]:
        before = self._before(self.ages.logs)
        jobs = by_quoted_id(JobsDocument(files.read(JOBS)))
        due = []
        for builder in filter(is_builder_id, files.names("")):
            for name in files.names(logs_folder(builder)):
                at = log_time(name, jobs) or _archived_end(files, name)
                if at and at < before:
                    due.append((builder, name, month_of(at)))
        return due

    def _before(self, age: timedelta) -> datetime:
        return self.now - age


def _due_jobs(files: Files, before: datetime) -> dict[str, datetime]:
    document = JobsDocument(files.read(JOBS))
    doubled = document.doubled()
    due = due_jobs(document, before)
    return {job_id: end for job_id, end in due.items() if job_id not in doubled}


def _archived_end(files: Files, name: str) -> datetime | None:
    manifest = job_of_manifest(name)
    archived = find_job(files, manifest[0]) if manifest else None
    return archived.completed_at if archived else None


def _is_done(message: Message) -> bool:
    """Read, or to all and read by one builder: the others will not read it after so long."""
    return message.read or (message.to == TO_ALL and bool(message.read_by))


def _ids(messages: dict[int, Message]) -> tuple[str, ...]:
    return tuple(message.id for message in messages.values())


def _paths(logs: list[Log]) -> tuple[str, ...]:
    return tuple(f"{logs_folder(builder)}/{name}" for builder, name, _ in logs)


MUCH = 100
"""Minimum of due records: fewer are not worth a commit that every builder must fetch."""
HOUR = 3600.0


@dataclass(kw_only=True)
class PeriodicHousekeeping:
    """Checks once an hour. Any number of builders may do so: the second finds nothing due."""

    housekeeping: Callable[[], Housekeeping]
    """Makes a Housekeeping for the current time."""
    monotonic: Callable[[], float]
    notice: Callable[[str], None]
    also: Callable[[], object] = lambda: None
    """What else is due once an hour."""
    _next: float = field(init=False, default=0.0)

    def run_due(self) -> None:
        """Archive what is due, if enough. Raises Unavailable and the store's other errors."""
        if self.monotonic() < self._next:
            return
        # even if it fails: the watch calls this every half minute
        self._next = self.monotonic() + HOUR
        housekeeping = self.housekeeping()
        if len(housekeeping.look()) >= MUCH:
            moved = housekeeping.run()
            self.notice(f"archived {len(moved)} jobs, messages and logs")
        self.also()

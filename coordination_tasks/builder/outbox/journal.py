"""Records of this builder, safe on its own disk until the coordination store has them.

A SQLite journal (WAL, synchronous=FULL): once a `submit_…` has returned, its record survives
`kill -9` and a power cut. One flusher at a time sends all waiting records in one write. A record
that is sent twice is stored once, so a flusher may die at any moment.
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType

from common.file_lock import file_lock
from coordination_tasks.builder.outbox.delivery import Recipient, deliver
from coordination_tasks.builder.outbox.redaction import clean_document, without_secrets
from coordination_tasks.domain.errors import CoordinationError, DiskFull, NotDurable
from coordination_tasks.domain.model import Attempt, Transition
from coordination_tasks.domain.timestamps import format_time, utc_now
from coordination_tasks.store.attempt_commands import (
    AttemptCommand,
    Complete,
    Completion,
    Fence,
    Record,
    Release,
    command_from_json,
    command_to_json,
)

_MOST_AT_ONCE = 1000
_BUSY_SECONDS = 30.0
_INDEX_GROWS_BY = 32 * 1024
"""Bytes of disk that SQLite allocates at a time beside its log (`WALINDEX_PGSZ`)."""
_PRIMARY_CODE = 0xFF
"""The bits of an extended SQLite result code that identify the kind of error."""
_REFUSED = "refused IS NOT NULL"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    job TEXT NOT NULL,
    name TEXT NOT NULL,
    args TEXT NOT NULL,
    submitted_at TEXT NOT NULL,
    refused TEXT
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A command that waits or was refused. Entries of a job are sent in the order of `seq`."""

    seq: int
    id: str
    job: str
    name: str
    """`record`, `complete` or `release`."""
    args: str
    """JSON."""
    submitted_at: str
    refused: str | None = None
    """Why the store refused it permanently; None while it waits."""

    @property
    def command(self) -> AttemptCommand:
        """The write."""
        return command_from_json(self.name, self.args)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushReport:
    """The result of a flush; `refused` will not be sent again."""

    sent: int = 0
    refused: tuple[tuple[Entry, CoordinationError], ...] = ()


_Result = tuple[Entry, CoordinationError | None]


class Outbox:
    """The journal in the file `path`. Safe for several threads and processes.

    All methods raise NotDurable when the journal cannot be read or written.
    """

    def __init__(self, path: Path, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._path = path
        self._clock = clock
        self._secrets: tuple[str, ...] = ()
        self._lock = threading.Lock()
        self._flush_lock = path.with_name(path.name + ".flush")
        with self._durable():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.execute(_SCHEMA)

    def __enter__(self) -> Outbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the journal."""
        with self._lock:
            self._database.close()

    def hide(self, secrets: Collection[str]) -> None:
        """Mask these values in everything that is submitted from now on."""
        self._secrets = tuple(secrets)

    def cleaned(self, document: bytes) -> bytes:
        """A document as it would be sent: without secrets."""
        return clean_document(document, self._secrets)

    def submit_transitions(
        self, attempt: Attempt, transitions: Sequence[Transition], plan: bytes | None = None
    ) -> str:
        """Store step transitions for sending; durable when this returns the entry's id.

        `plan` is the plan of the attempt, stored in the same write.
        """
        fence = Fence.of(attempt)
        return self._submit(Record(fence=fence, transitions=tuple(transitions), plan=plan))

    def submit_completion(self, attempt: Attempt, completion: Completion) -> str:
        """Store the end of an attempt; durable when this returns the entry's id."""
        dated = replace(completion, at=completion.at or self._clock())
        return self._submit(Complete(fence=Fence.of(attempt), completion=dated))

    def submit_release(
        self, attempt: Attempt, reason: str, transitions: Sequence[Transition] = ()
    ) -> str:
        """Store the release of an attempt; durable when this returns the entry's id."""
        return self._submit(
            Release(
                fence=Fence.of(attempt),
                reason=reason,
                transitions=tuple(transitions),
                at=self._clock(),
            )
        )

    def pending(self) -> tuple[Entry, ...]:
        """The entries that wait to be sent, in order."""
        return self._select("refused IS NULL")

    def refused(self) -> tuple[Entry, ...]:
        """The permanently refused entries, in order."""
        return self._select(_REFUSED)

    def retry(self, ids: Sequence[str]) -> int:
        """Requeue refused entries; returns how many of these ids were refused entries."""
        return self._on_entries("UPDATE entries SET refused = NULL", _REFUSED, ids)

    def drop(self, ids: Sequence[str]) -> int:
        """Drop refused entries; returns how many of these ids were refused entries."""
        return self._on_entries("DELETE FROM entries", _REFUSED, ids)

    def forget(self, ids: Sequence[str]) -> int:
        """Drop entries that the store already has, waiting or refused; returns their number.

        Waits for a flush of another process.
        """
        with file_lock(self._flush_lock):
            return self._on_entries("DELETE FROM entries", "TRUE", ids)

    def flush(self, recipient: Recipient) -> FlushReport:
        """Send all entries that wait now; waits for a flush of another process.

        Entries that are submitted meanwhile are left to the next flush: otherwise a graph of quick
        steps would keep this one, and its pushes, busy for as long as it runs. An entry that is
        refused alone is set aside and reported, and the rest is sent. Raises NotSent, AccessDenied,
        BrokenDocument, HistoryRewritten, and AllRefused when the remote rejects everything: then
        unsent entries keep waiting.
        """
        sent = 0
        refused: list[tuple[Entry, CoordinationError]] = []
        with file_lock(self._flush_lock):
            waiting = self.pending()
            for at in range(0, len(waiting), _MOST_AT_ONCE):
                batch = waiting[at : at + _MOST_AT_ONCE]
                answers = deliver([entry.command for entry in batch], recipient)
                results = list(zip(batch, answers, strict=True))
                self._settle(results)
                failures = [(entry, error) for entry, error in results if error is not None]
                refused.extend(failures)
                sent += len(batch) - len(failures)
        return FlushReport(sent=sent, refused=tuple(refused))

    def _submit(self, command: AttemptCommand) -> str:
        name, args = command_to_json(without_secrets(command, self._secrets))
        entry_id = uuid.uuid4().hex
        values = (entry_id, command.fence.job_id, name, args, format_time(self._clock()))
        with self._lock, self._durable():
            self._database.execute(
                "INSERT INTO entries (id, job, name, args, submitted_at) VALUES (?, ?, ?, ?, ?)",
                values,
            )
        return entry_id

    def _on_entries(self, change: str, condition: str, ids: Sequence[str]) -> int:
        # `change` and `condition` are constants above; the condition excludes other entries
        query = f"{change} WHERE {condition} AND id = ?"
        with self._lock, self._durable():
            self._database.execute("BEGIN IMMEDIATE")
            with self._database:  # commits, or rolls back
                done = [self._database.execute(query, (entry,)).rowcount for entry in ids]
        return sum(done)

    def _select(self, condition: str) -> tuple[Entry, ...]:
        columns = "seq, id, job, name, args, submitted_at, refused"
        # `condition` is one of the constants above
        query = f"SELECT {columns} FROM entries WHERE {condition} ORDER BY seq"  # noqa: S608
        with self._lock, self._durable():
            rows = self._database.execute(query).fetchall()
        return tuple(Entry(**dict(zip(columns.split(", "), row, strict=True))) for row in rows)

    def _settle(self, results: Sequence[_Result]) -> None:
        with self._lock, self._durable():
            self._database.execute("BEGIN IMMEDIATE")
            with self._database:  # commits, or rolls back
                for entry, error in results:
                    self._settle_one(entry, error)

    def _settle_one(self, entry: Entry, error: CoordinationError | None) -> None:
        if error is None:
            self._database.execute("DELETE FROM entries WHERE seq = ?", (entry.seq,))
            return
        values = (str(error), entry.seq)
        self._database.execute("UPDATE entries SET refused = ? WHERE seq = ?", values)

    @contextmanager
    def _durable(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if _is_full(error) or _has_no_space(error, self._path):
                raise DiskFull(f"no space is left on the disk for {self._path}") from error
            raise NotDurable(f"cannot use the journal {self._path}: {error}") from error


def _is_full(error: sqlite3.Error | OSError) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def _has_no_space(error: sqlite3.Error | OSError, path: Path) -> bool:
    """Whether an ambiguous error occurred because the index of the log could not grow."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    is_io = code & _PRIMARY_CODE == sqlite3.SQLITE_IOERR
    return is_io and shutil.disk_usage(path.parent).free < 2 * _INDEX_GROWS_BY

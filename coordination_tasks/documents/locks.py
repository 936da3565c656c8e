"""`coordination/locks.json`: named locks with an expiry, as older programs use them.

Our own writes need no lock: each is atomic. But a holder of `job_assignment` expects that nobody
changes the queue during several of its pushes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from coordination_tasks.documents import json_edit
from coordination_tasks.documents.messages import TO_ALL, Message, post
from coordination_tasks.documents.paths import LOCKS
from coordination_tasks.domain.errors import BadRequest, BrokenDocument, Conflict, Unavailable
from coordination_tasks.domain.timestamps import format_time, parse_time
from coordination_tasks.repository.draft import Draft

QUEUE_LOCK = "job_assignment"
DEFAULT_LIFE = timedelta(seconds=600)
_KNOWN = (QUEUE_LOCK, "config_update", "message_queue")
_NEW = json_edit.dump({"locks": dict.fromkeys(_KNOWN), "metadata": {}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock that was taken, and perhaps never released."""

    name: str
    locked_by: str
    locked_at: datetime | None
    expires_at: datetime | None
    """None: unreadable; then the default lifetime counts."""
    by: str = ""
    """The person who took it; "" when a program did."""

    def is_live(self, now: datetime) -> bool:
        """Whether others must wait for it."""
        end = self.expires_at
        if end is None and self.locked_at is not None:
            end = self.locked_at + DEFAULT_LIFE
        return end is not None and end > now


class QueueLocked(Unavailable):
    """Another program holds `job_assignment`: wait, then retry."""

    def __init__(self, lock: Lock) -> None:
        until = format_time(lock.expires_at) if lock.expires_at else "it is released"
        super().__init__(f"{lock.locked_by} holds the lock {lock.name} until {until}")
        self.lock = lock


def read_locks(data: bytes | None) -> tuple[Lock, ...]:
    """The locks that are taken, including expired ones. Raises BrokenDocument."""
    text = _NEW if data is None else json_edit.decode(LOCKS, data)
    raws = json_edit.parse_object(LOCKS, text).get("locks")
    locks = [_lock(str(n), raw) for n, raw in raws.items()] if isinstance(raws, dict) else []
    return tuple(lock for lock in locks if lock is not None)


def check_queue_lock(draft: Draft, *, builder: str, now: datetime) -> None:
    """Raise QueueLocked while another builder holds the queue, BrokenDocument."""
    for lock in read_locks(draft.read(LOCKS)):
        if lock.name == QUEUE_LOCK and lock.locked_by != builder and lock.is_live(now):
            raise QueueLocked(lock)


def take_lock(
    draft: Draft, name: str, *, by: str, now: datetime, life: timedelta, person: str = ""
) -> Lock:
    """Take or extend a lock, for `person`. Raises Conflict while another builder holds it."""
    if not name.isidentifier():
        raise BadRequest(f"invalid lock name {name[:80]!r}")
    for held in read_locks(draft.read(LOCKS)):
        if held.name == name and held.locked_by != by and held.is_live(now):
            raise Conflict(str(QueueLocked(held)))
    lock = Lock(name=name, locked_by=by, locked_at=now, expires_at=now + life, by=person)
    value = {
        "locked_by": by,
        "locked_at": format_time(now),
        "expires_at": format_time(now + life),
        **({"by": person} if person else {}),
    }
    _write(draft, name, _others_members(draft, name, by) | value)
    draft.note(f"{by}: take lock {name}")
    return lock


def free_lock(draft: Draft, name: str, *, by: str, person: str = "") -> bool:
    """Release a lock of our own; False if it is free. Raises Conflict if another holds it."""
    held = next((lock for lock in read_locks(draft.read(LOCKS)) if lock.name == name), None)
    if held is None:
        return False
    if held.locked_by != by:
        raise Conflict(f"lock {name} is held by {held.locked_by}, not by {by}")
    _write(draft, name, None)
    draft.note(f"{by}: release lock {name}{f', by {person}' if person else ''}")
    return True


def hand_over(draft: Draft, old: str, new: str) -> None:
    """The locks of a builder become those of its new id. Raises BrokenDocument."""
    for held in read_locks(draft.read(LOCKS)):
        if held.locked_by == old:
            _write(draft, held.name, _others_members(draft, held.name, old) | {"locked_by": new})


def free_expired(
    draft: Draft, *, by: str, now: datetime, notice: Callable[[str], None]
) -> tuple[Lock, ...]:
    """Release all expired locks and warn all builders; returns the released locks.

    `notice` is called when messages.json is broken, so that nobody can be warned.
    """
    expired = tuple(lock for lock in read_locks(draft.read(LOCKS)) if not lock.is_live(now))
    for lock in expired:
        _write(draft, lock.name, None)
        draft.note(f"{by}: release expired lock {lock.name} held by {lock.locked_by}")
        try:
            post(draft, _warning(lock, by, now))
        except BrokenDocument as error:
            notice(f"{error}; cannot warn others that lock {lock.name} was released")
    return expired


def _warning(lock: Lock, by: str, now: datetime) -> Message:
    when = format_time(lock.expires_at) if lock.expires_at else "an unknown time"
    taken = format_time(lock.locked_at) if lock.locked_at else "unknown"
    return Message(
        # a repeated write that releases the same lock sends one message
        id=f"msg_lock_{lock.name}_{lock.locked_by}_{taken}",
        sender=by,
        to=TO_ALL,
        type="warning",
        subject=f"released expired lock {_shown(lock.name)} held by {_shown(lock.locked_by)}",
        body=f"It was taken at {taken} and expired at {when}; {by} released it.",
        at=now,
    )


def _others_members(draft: Draft, name: str, holder: str) -> dict[str, object]:
    """The existing members of the lock, if it is this holder's: others may have added some."""
    data = draft.read(LOCKS)
    locks = json_edit.parse_object(LOCKS, json_edit.decode(LOCKS, data or b"{}")).get("locks")
    found = locks.get(name) if isinstance(locks, dict) else None
    if isinstance(found, dict) and found.get("locked_by") == holder:
        return found
    return {}


def _shown(text: str) -> str:
    """External text, shortened to one line."""
    return "".join(char if char.isprintable() else "?" for char in text[:60])


def _lock(name: str, raw: object) -> Lock | None:
    holder = raw.get("locked_by") if isinstance(raw, Mapping) else None
    if not isinstance(raw, Mapping) or not isinstance(holder, str) or not holder:
        return None
    return Lock(
        name=name,
        locked_by=holder,
        locked_at=parse_time(raw.get("locked_at")),
        expires_at=parse_time(raw.get("expires_at")),
        by=str(raw.get("by") or ""),
    )


def _write(draft: Draft, name: str, value: Mapping[str, object] | None) -> None:
    data = draft.read(LOCKS)
    text = _NEW if data is None else json_edit.decode(LOCKS, data)
    draft.write(LOCKS, json_edit.set_entry(text, "locks", name, value).encode("utf-8"))

"""The actions of `doit fsck --repair`: only those that are safe beside running builders.

Nothing that a person could miss is removed: refused entries, broken documents and lost records stay
unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.domain.errors import CoordinationError
from coordination_tasks.farm.presence.observations import Presence
from coordination_tasks.farm.watch import Watch
from coordination_tasks.fsck.git_locks import remove_locks
from coordination_tasks.fsck.outbox import is_told
from coordination_tasks.fsck.stalled import (
    denied_jobs,
    is_long_over,
    stalled_jobs,
    tells_of_lost_job,
)
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store

LONGEST_LOOK = 3600.0
_LOOKS_AT_HEARTBEATS = 3
"""After a lease: an observer reads heartbeats twice a lease, at its next look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """`done` has the lines of the watch and its observer; `tell` receives progress lines."""

    state_dir: Path
    store: Store
    outbox: Outbox
    watch: Watch
    done: list[str]
    every: float
    """Seconds between two checks of builders that may be dead."""
    tell: Callable[[str], None]
    now: datetime
    sleep: Callable[[float], None]
    monotonic: Callable[[], float]

    def run(
        self,
        snapshot: Snapshot,
        presences: Mapping[str, Presence],
        told: Mapping[str, bytes],
        *,
        may_write: bool,
    ) -> None:
        """Do everything safe about the findings; `may_write`: the repository may be changed."""
        acts: list[Callable[[], Iterable[str]]] = [
            lambda: remove_locks(self.state_dir),
            lambda: self._forget_told(snapshot),
        ]
        if may_write:
            acts += [
                self._send,
                lambda: self._free_locks(snapshot),
                lambda: self._correct_own_status(snapshot),
                lambda: self._take_from_dead(snapshot, presences, told),
            ]
        hindrances: dict[str, None] = {}
        for act in acts:
            try:
                self.done.extend(act())
            except CoordinationError as error:
                hindrances[str(error)] = None  # several actions may need the same document
        for hindrance in hindrances:
            self.tell(hindrance)

    def _forget_told(self, snapshot: Snapshot) -> Iterator[str]:
        entries = (*self.outbox.refused(), *self.outbox.pending())
        told = [entry.id for entry in entries if is_told(snapshot, entry)]
        if told:
            count = self.outbox.forget(told)
            yield f"outbox: dropped {count} entries that were already recorded"

    def _send(self) -> Iterator[str]:
        before = len(self.outbox.pending())
        refused = len(self.outbox.refused())
        self.watch.care()
        fresh = len(self.outbox.refused()) - refused
        sent = before - len(self.outbox.pending()) - fresh
        if sent > 0:
            yield f"outbox: sent {sent} entries"

    def _free_locks(self, snapshot: Snapshot) -> Iterator[str]:
        if any(is_long_over(lock, self.now) for lock in snapshot.locks()):
            for lock in self.store.free_expired_locks():
                yield f"released expired lock {lock.name} held by {lock.locked_by}"

    def _correct_own_status(self, snapshot: Snapshot) -> Iterator[str]:
        own = self.store.builder
        if own not in snapshot.builders() or not tells_of_lost_job(snapshot, own):
            return
        with self.watch.while_idle() as idle:
            # releasing a killed build's job may have corrected it
            if idle and tells_of_lost_job(self.store.snapshot(), own):
                self.store.publish_idle()
                yield f"published that builder {own} is idle"

    def _take_from_dead(
        self, snapshot: Snapshot, presences: Mapping[str, Presence], told: Mapping[str, bytes]
    ) -> tuple[str, ...]:
        """Observe like `doit watch`, until each builder has moved or is dead.

        The observer reports what it does.
        """

        def has_some(now: Snapshot) -> bool:
            return bool(stalled_jobs(now, presences) or denied_jobs(now, told))

        if not has_some(snapshot):
            return ()
        self.watch.look()
        looks = _LOOKS_AT_HEARTBEATS if denied_jobs(snapshot, told) else 1
        lasts = min(self.watch.observer.longest_lease, LONGEST_LOOK) + looks * self.every
        self.tell(f"checking for up to {lasts:.0f} s whether builders of running jobs are alive")
        end = self.monotonic() + lasts
        while self.monotonic() < end and has_some(self.store.snapshot()):
            self.sleep(self.every)
            self.watch.look()
        return ()

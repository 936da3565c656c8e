"""What `doit fsck --repair` does: only what is safe, whoever else is at work, each told in a line.

Nothing that a person could miss is removed: what was refused, what is broken and what was lost
stays as it is.
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
from coordination_tasks.fsck.stalled import is_long_over, stalled_jobs, tells_of_lost_job
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store

LONGEST_LOOK = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """`done` is what the watch and its observer tell of; `tell` takes lines while it lasts."""

    state_dir: Path
    store: Store
    outbox: Outbox
    watch: Watch
    done: list[str]
    every: float
    """Seconds between two looks at builders that may be dead."""
    tell: Callable[[str], None]
    now: datetime
    sleep: Callable[[float], None]
    monotonic: Callable[[], float]

    def run(
        self, snapshot: Snapshot, presences: Mapping[str, Presence], *, may_write: bool
    ) -> None:
        """Do all that is safe on what was found; `may_write`: the repository may be changed."""
        acts: list[Callable[[], Iterable[str]]] = [
            lambda: remove_locks(self.state_dir),
            lambda: self._forget_told(snapshot),
        ]
        if may_write:
            acts += [
                self._send,
                lambda: self._free_locks(snapshot),
                lambda: self._correct_own_status(snapshot),
                lambda: self._take_from_dead(snapshot, presences),
            ]
        hindrances: dict[str, None] = {}
        for act in acts:
            try:
                self.done.extend(act())
            except CoordinationError as error:
                hindrances[str(error)] = None  # several acts may need the same document
        for hindrance in hindrances:
            self.tell(hindrance)

    def _forget_told(self, snapshot: Snapshot) -> Iterator[str]:
        entries = (*self.outbox.refused(), *self.outbox.pending())
        told = [entry.id for entry in entries if is_told(snapshot, entry)]
        if told:
            count = self.outbox.forget(told)
            yield f"outbox: {count} entries were recorded already, and are dropped"

    def _send(self) -> Iterator[str]:
        before = len(self.outbox.pending())
        refused = len(self.outbox.refused())
        self.watch.care()
        fresh = len(self.outbox.refused()) - refused
        sent = before - len(self.outbox.pending()) - fresh
        if sent > 0:
            yield f"outbox: {sent} entries were sent"

    def _free_locks(self, snapshot: Snapshot) -> Iterator[str]:
        if any(is_long_over(lock, self.now) for lock in snapshot.locks()):
            for lock in self.store.free_expired_locks():
                yield f"the lock {lock.name} of {lock.locked_by} was over, and is freed"

    def _correct_own_status(self, snapshot: Snapshot) -> Iterator[str]:
        own = self.store.builder
        if own not in snapshot.builders() or not tells_of_lost_job(snapshot, own):
            return
        with self.watch.while_idle() as idle:
            # giving back a killed build's job has corrected it, too
            if idle and tells_of_lost_job(self.store.snapshot(), own):
                self.store.publish_idle()
                yield f"builder {own} tells that it is idle"

    def _take_from_dead(
        self, snapshot: Snapshot, presences: Mapping[str, Presence]
    ) -> tuple[str, ...]:
        """Keep the watch that `doit watch` keeps, until each builder has moved or is dead.

        What it does is told by the observer.
        """
        if not stalled_jobs(snapshot, presences):
            return ()
        self.watch.look()
        lasts = min(self.watch.observer.longest_lease, LONGEST_LOOK) + self.every
        self.tell(f"looking for {lasts:.0f} s at most whether the builders of running jobs live")
        end = self.monotonic() + lasts
        while self.monotonic() < end and stalled_jobs(self.store.snapshot(), presences):
            self.sleep(self.every)
            self.watch.look()
        return ()

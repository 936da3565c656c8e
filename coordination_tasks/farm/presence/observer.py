"""Checks whether the builders of running jobs are alive, and requeues the jobs of dead ones.

A builder is alive while its sign changes: its heartbeats, its status, its records for the job. How
long the sign is unchanged is measured only with the clock of this process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from common.states import State
from coordination_tasks.documents.builder_status import other_work_in
from coordination_tasks.documents.paths import status_path
from coordination_tasks.domain.errors import BrokenDocument, ClaimLost, NotFound
from coordination_tasks.domain.model import Attempt, Job
from coordination_tasks.farm.presence.liveness import Liveness
from coordination_tasks.repository.heartbeats import FACTS, Heartbeats, own_place
from coordination_tasks.store.operations.attempt import claim_lost
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store

_OLD_PROGRAMS = 4
"""Leases for a job of a program without fencing: it sends heartbeats every 300 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched:
    """A running job and the parts of its sign."""

    job: Job
    place: str
    facts: str
    """Digest of its builder's records in the store."""
    lease: float
    beats_for_it: bool
    """Whether the builder's heartbeats are for this job, not for a later one."""

    @property
    def version(self) -> str:
        """Changes with every record of the attempt."""
        return f"{self.name} {self.facts}"

    @property
    def name(self) -> str:
        return f"{self.job.id} {self.job.token} {self.job.claim_id}"


class Observer:
    """The observation of one process; a new one knows nothing and waits a whole lease.

    `lease` (seconds) applies to builders that publish none. `notice` receives readable lines,
    `seen` the store and the signs of the heartbeats at each check. `person`: who asked for it, and
    is recorded with each job that is taken; "" for a builder's own observation.
    """

    def __init__(
        self,
        store: Store,
        heartbeats: Heartbeats,
        *,
        lease: float,
        monotonic: Callable[[], float],
        notice: Callable[[str], None],
        seen: Callable[[Snapshot, Mapping[str, str]], object] = lambda _snapshot, _signs: None,
        person: str = "",
    ) -> None:
        self._store = store
        self._heartbeats = heartbeats
        self._lease = lease
        self._monotonic = monotonic
        self._notice = notice
        self._seen = seen
        self._person = person
        self._liveness = Liveness(longest_gap=lease / 2)
        self._snapshot: Snapshot | None = None
        self._sign_of_facts: str | None = None
        self._watched: tuple[_Watched, ...] = ()
        self._read_at: float | None = None
        self._denied: Mapping[str, float] = {}

    @property
    def snapshot(self) -> Snapshot | None:
        """The store at the last check; None before the first, and after a job was taken."""
        return self._snapshot

    @property
    def jobs_wait(self) -> bool:
        """Whether a job was queued at the last check."""
        jobs = self._snapshot.jobs() if self._snapshot else ()
        return any(job.state is State.QUEUED for job in jobs)

    @property
    def longest_lease(self) -> float:
        """Seconds after which each builder with a job at the last check has moved or is dead."""
        return max((watched.lease for watched in self._watched), default=0.0)

    def look(self, own: Attempt | None = None) -> tuple[Job, ...]:
        """Check once; returns the jobs that were taken from dead builders, as they are now.

        Raises ClaimLost when `own` has lost its job, Unavailable and the store's other errors.
        """
        signs = self._heartbeats.signs({watched.place for watched in self._watched})
        if self._snapshot is None or signs.get(FACTS) != self._sign_of_facts:
            self._snapshot = self._read(signs.get(FACTS, ""))
            self._sign_of_facts = signs.get(FACTS)
        self._seen(self._snapshot, signs)
        if own is not None:
            _check(own, self._snapshot)
        now = self._monotonic()
        self._liveness.see({w.name: _sign(w, signs.get(w.place)) for w in self._watched}, now)
        over = self._silent(now) | self._denying(signs, now)
        taken = (
            self._reap(watched, over[watched.name])
            for watched in self._watched
            if watched.name in over and not _is_own(watched.job, own)
        )
        return tuple(job for job in taken if job)

    def _silent(self, now: float) -> dict[str, str]:
        """The attempts whose sign has not changed for their lease, and the reason to take them."""
        return {
            w.name: f"no heartbeat from builder {w.job.assigned_to} for {w.lease:g} s"
            for w in self._watched
            if self._liveness.still_for(w.name, now) > w.lease
        }

    def _denying(self, signs: Mapping[str, str], now: float) -> dict[str, str]:
        """The attempts that their own builder has denied for a lease, and the reason.

        Such a builder came back without its disk. Decided only when heartbeats were just read,
        twice a lease: the newest one must deny the attempt, too, and no record of it may have come
        since the first denial.
        """
        asked = [w for w in self._watched if w.job.claim_id and w.place in signs.keys() - {FACTS}]
        every = min((w.lease for w in asked), default=0.0) / 2
        if not asked or (self._read_at is not None and now - self._read_at < every):
            return {}
        paths = {w.place: status_path(w.job.assigned_to or "") for w in asked}
        files = self._heartbeats.read(paths, signs)
        self._read_at = now
        told = ((w, other_work_in(files[w.place], w.job)) for w in asked if w.place in files)
        found = [(w, denial) for w, denial in told if denial]
        self._denied = {w.version: self._denied.get(w.version, now) for w, _ in found}
        return {
            w.name: f"builder {w.job.assigned_to} {denial}, for {w.lease:g} s at least"
            for w, denial in found
            if now - self._denied[w.version] >= w.lease
        }

    def _reap(self, watched: _Watched, reason: str) -> Job | None:
        job = watched.job
        after = self._store.reap(job.id, seen_token=job.token, reason=reason, person=self._person)
        self._snapshot = None
        if after is None:
            return None  # whoever was first reports it
        why = after.reason if reason in after.reason else f"{reason}; it stays {after.state}"
        self._notice(f"took job {job.id} from builder {job.assigned_to}: {why}")
        return after

    def _read(self, listed: str) -> Snapshot:
        snapshot = self._store.snapshot(listed)
        running = (job for job in snapshot.jobs() if job.state is State.RUNNING)
        self._watched = tuple(self._facts_of(job, snapshot) for job in running)
        return snapshot

    def _facts_of(self, job: Job, snapshot: Snapshot) -> _Watched:
        builder = job.assigned_to or ""
        place, lease, current = None, None, None
        try:
            status = snapshot.builder_status(builder)
        except (BrokenDocument, NotFound):
            status = None  # its heartbeats then count for all its jobs
        if status is not None:
            place, lease = status.heartbeats_at, status.lease
            current = status.current_job and status.current_job.get("id")
        old_program = job.claim_id is None
        return _Watched(
            job=job,
            place=place or own_place(builder),
            facts=snapshot.sign_of(builder, [job]),
            lease=self._lease * _OLD_PROGRAMS if old_program else lease or self._lease,
            beats_for_it=old_program or current in {None, job.id},
        )


def _sign(watched: _Watched, beat: str | None) -> str:
    told = f"{watched.facts} {beat if watched.beats_for_it else ''}"
    return hashlib.sha256(told.encode()).hexdigest()


def _is_own(job: Job, own: Attempt | None) -> bool:
    return own is not None and job.claim_id == own.claim_id


def _check(own: Attempt, snapshot: Snapshot) -> None:
    try:
        job = snapshot.job(own.job.id)
    except NotFound as error:
        raise ClaimLost(f"this builder lost the claim (attempt {own.number}): {error}") from error
    if (job.token, job.claim_id) != (own.token, own.claim_id):
        raise claim_lost(job, own.number)

"""The coordination store in the terms of the domain: what builders and people can do.

Each call is one atomic transaction. `Unavailable` means that the outcome is unknown: repeat the
same call, it recognises its own effect.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from coordination_tasks.documents.builder_status import IDLE, HostLoad, StatusChange
from coordination_tasks.documents.locks import (
    DEFAULT_LIFE,
    Lock,
    QueueLocked,
    check_queue_lock,
    free_expired,
    free_lock,
    take_lock,
)
from coordination_tasks.documents.paths import EPOCH
from coordination_tasks.domain.errors import (
    BrokenDocument,
    CoordinationError,
)
from coordination_tasks.domain.model import (
    Attempt,
    BuilderProfile,
    Job,
    Transition,
    check_builder_id,
)
from coordination_tasks.domain.scheduling import Terms, Wanted
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.repository.combining import CombinedWrites
from coordination_tasks.repository.draft import Draft
from coordination_tasks.repository.protocol import Repository
from coordination_tasks.repository.transaction import Pace, transact
from coordination_tasks.store.attempt_commands import (
    AttemptCommand,
    Complete,
    Completion,
    Fence,
    Record,
    Release,
)
from coordination_tasks.store.batch import apply_all
from coordination_tasks.store.continuity import ContinuousRepository
from coordination_tasks.store.epoch import add_epoch
from coordination_tasks.store.memory import FarmMemory
from coordination_tasks.store.operations.attempt import changes_queue
from coordination_tasks.store.operations.claim import Judge, Resolve, trust_all
from coordination_tasks.store.operations.combined_claim import ClaimRequest, CombinedClaim
from coordination_tasks.store.operations.queue import enqueue, enqueue_if_new, reap
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.status_publisher import Publisher

T = TypeVar("T")

_SHORTEST_LOCK_POLL = 1.0
_LONGEST_LOCK_POLL = 10.0


def _log_notice(line: str) -> None:
    logging.getLogger(__name__).warning("%s", line)


def _no_commit(job: Job) -> str | None:  # noqa: ARG001 - a Resolve that knows nothing
    return None


class Store:
    """The operations of `builder`. Safe for several threads.

    `load` returns the load of the host. `notice` receives readable lines: what the store waits for,
    and broken data that it could work around. `memory` is what this builder has seen of the farm;
    `restoring`: it writes although main has lost facts. `trailers` stand in the message of each
    commit. All operations raise HistoryRewritten, AnotherFarm and NewerFormat.
    """

    def __init__(
        self,
        repository: Repository,
        builder: BuilderProfile,
        *,
        clock: Callable[[], datetime] = utc_now,
        pace: Pace | None = None,
        load: Callable[[], HostLoad] | None = None,
        notice: Callable[[str], None] = _log_notice,
        memory: FarmMemory | None = None,
        restoring: bool = False,
        trailers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        check_builder_id(builder.id)
        self._repository = ContinuousRepository(
            repository, memory or FarmMemory(), notice, restoring=restoring
        )
        self._builder = builder
        self._clock = clock
        self._pace = pace or Pace()
        self._load = load
        self._notice = notice
        self._trailers = trailers
        self._claims = CombinedWrites(self._repository, builder.id)
        self._claiming = threading.Lock()

    # --- the queue ------------------------------------------------------------------------------

    def enqueue(self, job: Job) -> Job:
        """Add a job to the queue; returns the stored job. Repeating it changes nothing.

        Raises BadRequest, and Conflict when the id is taken by another request.
        """
        return self._on_queue(lambda draft: enqueue(draft, job, now=self._now()))

    def enqueue_new(self, jobs: Sequence[Job], *, unless_built: bool = False) -> tuple[Job, ...]:
        """Add jobs with ids that were made up, all or none; returns the stored jobs.

        `unless_built`: instead of a job for a commit that is queued, runs or has succeeded, returns
        that other job. Raises BadRequest, and IdTaken: then repeat it with other ids.
        """
        add = partial(enqueue_if_new if unless_built else enqueue, now=self._now(), fresh=True)
        return self._on_queue(lambda draft: tuple(add(draft, job) for job in jobs))

    def claim(
        self,
        *,
        claim_id: str,
        pipelines: Mapping[str, Sequence[str]],
        job_id: str | None = None,
        requested_by: str = "",
        pipeline: str | None = None,
        default_pipeline: str | None = None,
        terms: Terms | None = None,
        resolve: Resolve = _no_commit,
        judge: Judge = trust_all,
    ) -> Attempt:
        """Claim the next job, or the one with `job_id`; exactly one builder gets it.

        `claim_id` is unique; repeat the call with the same one after Unavailable to get the same
        claim. `pipelines` are the known names, with the labels that each requires; `terms` are
        their other requirements. `resolve` returns the commit of a job that has none, once per job.
        `job_id` may name a finished job: that starts a new attempt; `requested_by` is the person
        who named it. With a `judge`, no other builder claims for this one. Raises NothingToClaim,
        NotFound, Conflict (the job is running), ClaimLost, and what `resolve` raises.
        """
        wanted = replace(
            self._wanted(pipelines, job_id, pipeline, default_pipeline, terms),
            requested_by=requested_by,
        )
        combined = CombinedClaim(claim_id, wanted, resolve, judge)

        def claim(draft: Draft) -> Attempt:
            return combined.apply(draft, self._publisher())

        if job_id is not None or judge is not trust_all:
            return self._on_queue(claim)
        with self._claiming:
            request = ClaimRequest(claim_id=claim_id, builder=self._builder, wanted=wanted)
            self._claims.request(request.data)
            return self._on_queue(claim, self._claims)

    def withdraw_claim(self) -> None:
        """Withdraw a claim request that a killed process may have left behind."""
        self._claims.withdraw()

    def reap(self, job_id: str, *, seen_token: int, reason: str, person: str = "") -> Job | None:
        """Take a running job from a dead builder: queued again, or failed after its last attempt.

        `person` asked to look for such jobs. Returns the job as it is now. Does nothing, and
        returns None, if its fencing token is no longer `seen_token`. Raises NotFound.
        """
        by = self._builder.id
        return self._on_queue(
            lambda draft: reap(
                draft, job_id, seen_token, reason, by=by, now=self._now(), person=person
            )
        )

    # --- the commands of a builder for its attempt ------------------------------------------------

    def record(
        self, attempt: Attempt, transitions: Sequence[Transition], plan: bytes | None = None
    ) -> None:
        """Record step transitions, and store the plan; those already recorded are skipped.

        Raises ClaimLost, IllegalTransition, HistoryRewritten, BrokenDocument.
        """
        fence = Fence.of(attempt)
        self._send_one(Record(fence=fence, transitions=tuple(transitions), plan=plan))

    def complete(self, attempt: Attempt, completion: Completion) -> None:
        """End the attempt: job, transitions, manifest, status in one write. Raises as `record`."""
        self._send_one(Complete(fence=Fence.of(attempt), completion=completion))

    def release(
        self, attempt: Attempt, reason: str, transitions: Sequence[Transition] = ()
    ) -> None:
        """Give up the attempt: the job is queued again, or as it had ended. Raises as `record`."""
        command = Release(fence=Fence.of(attempt), reason=reason, transitions=tuple(transitions))
        self._send_one(command)

    def send(self, commands: Sequence[AttemptCommand]) -> tuple[CoordinationError | None, ...]:
        """Apply many commands in one transaction; for each None, or the error that refuses it.

        Writes that were applied before are skipped. Raises Unavailable, WriteRefused,
        BrokenDocument, HistoryRewritten: then none was applied, or all were without confirmation.
        """
        publisher = self._publisher()

        def apply(draft: Draft) -> tuple[CoordinationError | None, ...]:
            results = apply_all(draft, commands, publisher)
            if not draft.is_newest:
                _raise_first(results)
            return results

        if any(map(changes_queue, commands)):
            return self._on_queue(apply)
        return self._transact(apply)

    def publish_idle(self, after: str | None = None) -> None:
        """Publish that this builder is idle; with `after` only if that job was cancelled here."""

        def apply(draft: Draft) -> None:
            publisher = self._publisher()
            if after is None or publisher.names_cancelled(draft, after):
                publisher.publish(draft, StatusChange(status=IDLE))
                draft.note(f"{self._builder.id}: idle")

        self._transact(apply)

    def beat(self) -> None:
        """Write a heartbeat among the facts, as older programs do."""

        def apply(draft: Draft) -> None:
            self._publisher().beat(draft)
            draft.note(f"{self._builder.id}: heartbeat")

        self._transact(apply)

    # --- reading --------------------------------------------------------------------------------

    def snapshot(self, listed: str = "") -> Snapshot:
        """The store as it is now; main as it was just `listed` is not fetched if it is known."""
        known = self._repository.known() if listed else None
        newest = known if known and known == listed else self._repository.fetch()
        return Snapshot(self._repository, newest)

    def known_snapshot(self) -> Snapshot:
        """The store at the version that was last read or written here."""
        return Snapshot(self._repository, self._repository.known() or self._repository.fetch())

    def jobs(self) -> tuple[Job, ...]:
        """All readable jobs, in the file's order."""
        return self.snapshot().jobs()

    def job(self, job_id: str) -> Job:
        """One job. Raises NotFound."""
        return self.snapshot().job(job_id)

    def transitions(self, job_id: str, attempt: int | None = None) -> tuple[Transition, ...]:
        """The transitions of a job, in order; of one attempt, or of all."""
        return self.snapshot().transitions(job_id, attempt)

    # --- maintenance of the repository ----------------------------------------------------------

    @property
    def builder(self) -> str:
        """Id of this builder."""
        return self._builder.id

    def change(self, function: Callable[[Draft], T], *, queue: bool = False) -> T:
        """Apply a function in one transaction (see transaction); raises what it raises.

        `queue`: it changes the queue, so it waits while an older program holds the queue lock.
        """
        return self._on_queue(function) if queue else self._transact(function)

    # --- locks ----------------------------------------------------------------------------------

    def take_lock(self, name: str, life: timedelta = DEFAULT_LIFE, *, person: str = "") -> Lock:
        """Take a named lock as older programs do. Raises Conflict while another holds it."""
        by = self._builder.id
        return self._transact(
            lambda draft: take_lock(draft, name, by=by, now=self._now(), life=life, person=person)
        )

    def free_lock(self, name: str, *, person: str = "") -> bool:
        """Release a lock of ours; whether it was taken. Raises Conflict if another holds it."""
        by = self._builder.id
        return self._transact(lambda draft: free_lock(draft, name, by=by, person=person))

    def free_expired_locks(self) -> tuple[Lock, ...]:
        """Release all expired locks, with a message to all builders; returns the released locks."""
        notice = _once(self._notice)
        return self._transact(
            lambda draft: free_expired(draft, by=self._builder.id, now=self._now(), notice=notice)
        )

    # --------------------------------------------------------------------------------------------

    def _send_one(self, command: AttemptCommand) -> None:
        _raise_first(self.send([command]))

    def _wanted(
        self,
        pipelines: Mapping[str, Sequence[str]],
        job_id: str | None,
        pipeline: str | None,
        default_pipeline: str | None,
        terms: Terms | None,
    ) -> Wanted:
        return Wanted(
            pipelines=pipelines,
            labels=self._builder.labels,
            builder=self._builder.id,
            job_id=job_id,
            pipeline=pipeline,
            default_pipeline=default_pipeline,
            terms=terms or Terms(),
        )

    def _publisher(self) -> Publisher:
        return Publisher(
            profile=self._builder,
            now=self._now(),
            load=self._load() if self._load else None,
            notice=_once(self._notice),
        )

    def _now(self) -> datetime:
        # documents store whole seconds, and callers get the stored value
        return self._clock().replace(microsecond=0)

    def _transact(
        self, function: Callable[[Draft], T], combined: CombinedWrites | None = None
    ) -> T:
        def with_epoch(draft: Draft) -> T:
            draft.trailers = self._trailers
            value = function(draft)
            if draft.read(EPOCH) is None and draft.changes:
                known = self._repository.epoch
                add_epoch(draft, known, by=self._builder.id, now=self._now())
            return value

        return transact(self._repository, with_epoch, pace=self._pace, combined=combined)

    def _on_queue(
        self, function: Callable[[Draft], T], combined: CombinedWrites | None = None
    ) -> T:
        """A transaction that changes the queue; waits while an older program has it locked."""
        notice = _once(self._notice)
        end = self._pace.monotonic() + DEFAULT_LIFE.total_seconds()
        poll = _SHORTEST_LOCK_POLL

        def unless_locked(draft: Draft) -> T:
            try:
                check_queue_lock(draft, builder=self._builder.id, now=self._now())
            except BrokenDocument as error:
                notice(
                    f"locks.json is unreadable ({error.cause}); continuing as if no lock is held"
                )
            return function(draft)

        while True:
            try:
                return self._transact(unless_locked, combined)
            except QueueLocked as locked:
                if self._pace.monotonic() > end:
                    raise
                notice(f"waiting: {locked}")
                self._pace.sleep(self._pace.uniform(poll / 2, poll))
                poll = min(poll * 2, _LONGEST_LOCK_POLL)


def _raise_first(results: Sequence[CoordinationError | None]) -> None:
    for error in results:
        if error is not None:
            raise error


def _once(notice: Callable[[str], None]) -> Callable[[str], None]:
    """Pass each line on once: a function that runs again repeats its lines."""
    told: set[str] = set()

    def tell(line: str) -> None:
        if line not in told:
            told.add(line)
            notice(line)

    return tell

"""What a running build does beside its steps: records, observes, and shows that it lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from coordination_tasks.build.attempt.attempt_log import AttemptLog
from coordination_tasks.build.attempt.record_plan import may_record
from coordination_tasks.builder.push_budget import PushBudget
from coordination_tasks.documents.builder_status import BUILDING, StatusChange, current_job
from coordination_tasks.domain.errors import ClaimLost
from coordination_tasks.farm.presence.beater import Beater
from coordination_tasks.farm.presence.observer import Observer


@dataclass(kw_only=True)
class AttemptKeeper:
    """One turn of it is for `LeaseKeeper`. Times are seconds."""

    log: AttemptLog
    observer: Observer
    beater: Beater
    budget: PushBudget
    flush_every: float
    observe_every: float
    beat_every: float
    monotonic: Callable[[], float]
    _flushed_at: float = field(init=False)
    _looked_at: float | None = field(init=False, default=None)
    _records: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        # the claim was pushed just now
        self._flushed_at = self.monotonic()
        self.beater.count()

    @property
    def tick(self) -> float:
        """Seconds between two turns."""
        return min(self.flush_every, self.observe_every, self.beat_every)

    def turn(self) -> None:
        """Do what is due. Raises ClaimLost at once, and other trouble when all was tried."""
        trouble: list[Exception] = []
        for act in (self._record, self._look, self._beat):
            try:
                act()
            except ClaimLost:
                raise
            except Exception as error:
                trouble.append(error)
        if trouble:
            raise trouble[0]

    def _record(self) -> None:
        now = self.monotonic()
        if now - self._flushed_at < self.flush_every or not self.budget.has_room():
            return
        if not may_record(self._records, self.log.ended_steps()):
            return
        self._flushed_at = now
        if self.log.flush():
            self._records += 1
            self.beater.count()

    def _look(self) -> None:
        now = self.monotonic()
        if self._looked_at is not None and now - self._looked_at < self.observe_every:
            return
        self._looked_at = now
        self.observer.look(self.log.running.claimed)

    def _beat(self) -> None:
        job = current_job(self.log.running.claimed.job)
        steps = self.log.running_steps()
        change = StatusChange(status=BUILDING, current_job={**job, "steps": list(steps)})
        self.beater.turn(self.beat_every, change)

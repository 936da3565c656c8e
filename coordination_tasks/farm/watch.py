"""What a builder does while it is idle: recover its own jobs, and watch the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime

from coordination_tasks.builder.claim_intent import ClaimIntent
from coordination_tasks.builder.config.heartbeat import HeartbeatConfig
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.builder.recovery import recover
from coordination_tasks.documents.builder_status import IDLE, StatusChange
from coordination_tasks.domain.errors import (
    AnotherFarm,
    CopyUnusable,
    NewerFormat,
    Unavailable,
    WriteRefused,
    in_words,
)
from coordination_tasks.domain.model import Attempt
from coordination_tasks.domain.timestamps import elapsed
from coordination_tasks.farm.housekeeping import PeriodicHousekeeping
from coordination_tasks.farm.presence.beater import Beater
from coordination_tasks.farm.presence.observer import Observer
from coordination_tasks.store.plans import RecordedPlan
from coordination_tasks.store.store import Store


@dataclass(kw_only=True)
class Watch:
    """Runs one turn every `observe_every` seconds.

    `while_idle` yields whether no build of this builder is running, and prevents a new one.
    """

    builder: str
    store: Store
    outbox: Outbox
    intent: ClaimIntent
    observer: Observer
    beater: Beater
    send_logs: Callable[[], None]
    """Sends logs that an earlier build could not send."""
    housekeeping: PeriodicHousekeeping
    also: Sequence[Callable[[], None]]
    """What else is done in each turn, in this order."""
    end: Callable[[], None]
    """Ends what turns have started; to be called before the store is closed."""
    heartbeat: HeartbeatConfig
    while_idle: Callable[[], AbstractContextManager[bool]]
    sweep: Callable[[], object]
    """Ends the processes that a killed build left behind."""
    ended: Callable[[Attempt, RecordedPlan], Mapping[str, str]]
    """See `recover`."""
    clock: Callable[[], datetime]
    notice: Callable[[str], None]
    person: str = ""
    """Who asked for it, and is recorded with a job that is released; "" when nobody did."""
    _trouble: str = field(init=False, default="")
    _away_since: datetime | None = field(init=False, default=None)
    failing_since: datetime | None = field(init=False, default=None)
    """Since when reads or writes of the coordination repository fail; None: they do not."""

    def run_due(self) -> None:
        """Do what is due; the same error is reported only once, and the end of an outage.

        Raises AnotherFarm, NewerFormat.
        """
        errors: list[Exception] = []
        acts = (
            *(self.care, self.look, self._beat, self.send_logs),
            *(self.housekeeping.run_due, *self.also),
        )
        for act in acts:
            try:
                act()
            except (AnotherFarm, NewerFormat):
                raise  # whatever is done next would be done in that repository
            except Exception as error:  # one failed action must not stop the others
                errors.append(error)
        trouble = "; ".join(dict.fromkeys(map(in_words, errors)))
        if trouble and trouble != self._trouble:
            self.notice(f"warning: {trouble}")
        self._trouble = trouble
        self._note_contact(away=any(map(_is_away, errors)))
        fails = any(isinstance(error, Unavailable | WriteRefused) for error in errors)
        self.failing_since = (self.failing_since or self.clock()) if fails else None

    def _note_contact(self, *, away: bool) -> None:
        if away:
            self._away_since = self._away_since or self.clock()
        elif self._away_since:
            seconds = max(0.0, (self.clock() - self._away_since).total_seconds())
            self.notice(f"the coordination repository answers again, after {elapsed(seconds)}")
            self._away_since = None

    def care(self) -> None:
        """Send what a build left behind, and release its job if it was killed.

        Does nothing while a build is running. Raises Unavailable and the store's other errors.
        """
        if self.intent.read() is None and not self.outbox.pending():
            return
        with self.while_idle() as idle:
            if not idle:
                return
            self.sweep()
            told = recover(
                self.store,
                self.outbox,
                self.intent,
                builder=self.builder,
                ended=self.ended,
                clock=self.clock,
                person=self.person,
            )
            if told:
                self.notice(told)

    def look(self) -> None:
        """Check the other builders, and requeue the jobs of dead ones. Raises like `care`."""
        self.observer.look()

    def _beat(self) -> None:
        interval = self.heartbeat.waiting if self.observer.jobs_wait else self.heartbeat.idle
        with self.while_idle() as idle:
            if idle:
                # a build sends its own heartbeats: ours would hide that it hangs
                self.beater.beat_if_due(interval, StatusChange(status=IDLE))


def _is_away(error: Exception) -> bool:
    return isinstance(error, Unavailable) and not isinstance(error, CopyUnusable)

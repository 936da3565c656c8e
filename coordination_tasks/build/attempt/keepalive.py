"""Keeps a claim alive while its job is built, and stops the work when the claim is lost.

The build never waits for the network: a failed push leaves its records in the outbox and is retried
at the next turn, for hours if necessary. Meanwhile other builders may requeue the job; fencing
rejects what this one writes later, and it stops when it finds out.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from coordination_tasks.build.attempt.attempt_log import AttemptLog
from coordination_tasks.build.logs.published import AttemptLogs
from coordination_tasks.builder.push_budget import PushBudget
from coordination_tasks.documents.builder_status import (
    BUILDING,
    CLAIM_KEY,
    StatusChange,
    current_job,
)
from coordination_tasks.domain.errors import AnotherFarm, ClaimLost, NewerFormat
from coordination_tasks.farm.presence.beater import Beater
from coordination_tasks.farm.presence.observer import Observer
from coordination_tasks.farm.wake_call import WakeCalls

_STEPS_A_WRITE = 2
_FRESH = 2.0
"""Seconds for which a look at the claim is as good as a new one."""
PATIENCE = 10.0
"""Seconds that a step waits for the answer whether the claim is still ours."""


class KeepaliveThread:
    """Calls `run_due` every `every` seconds until it is stopped or the claim is lost.

    At each of the `calls` from this host it calls `on_call`, and `run_due` at once. `look` checks
    the claim, which is superfluous while `is_fresh`. ClaimLost goes to `on_lost`.
    """

    def __init__(
        self,
        run_due: Callable[[], None],
        *,
        look: Callable[[], None] = lambda: None,
        is_fresh: Callable[[], bool] = lambda: False,
        every: float,
        on_lost: Callable[[ClaimLost], None],
        on_trouble: Callable[[Exception], None],
        calls: WakeCalls | None = None,
        on_call: Callable[[], None] = lambda: None,
    ) -> None:
        self._run_due = run_due
        self._look = look
        self._is_fresh = is_fresh
        self._every = every
        self._on_lost = on_lost
        self._on_trouble = on_trouble
        self._calls = calls
        self._on_call = on_call
        self._stopped = False
        self._wake = threading.Event()
        self._questions: deque[threading.Event] = deque()
        self._shown: type[Exception] | None = None
        self._thread = threading.Thread(target=self._keep, name="keepalive", daemon=True)

    def start(self) -> None:
        """Start the turns."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the turns; returns when the current one has ended."""
        self._stopped = True
        self._rouse()
        if self._thread.is_alive():
            self._thread.join()
        if self._calls:
            self._calls.close()

    def check_claim(self, patience: float = PATIENCE) -> None:
        """Look whether the claim is still ours; `on_lost` is called before this returns.

        Without an answer it returns after `patience` seconds: builds continue without the remote.
        """
        if self._thread.is_alive() and not self._is_fresh():
            answered = threading.Event()
            self._questions.append(answered)
            self._rouse()
            answered.wait(patience)

    def _rouse(self) -> None:
        self._wake.set()
        if self._calls:
            self._calls.call()

    def _wait(self) -> None:
        """Wait for the next turn."""
        if self._calls is None:
            self._wake.wait(self._every)
            self._wake.clear()
        elif self._calls.wait(self._every):
            self._on_call()

    def _keep(self) -> None:
        while not self._stopped:
            self._wait()
            questions = [self._questions.popleft() for _ in range(len(self._questions))]
            is_ours = self._does(self._look) if questions else True
            for answered in questions:
                answered.set()
            if self._stopped or not is_ours or not self._does(self._run_due):
                return

    def _does(self, act: Callable[[], None]) -> bool:
        """Whether the claim is still ours afterwards, as far as we know."""
        try:
            act()
            self._shown = None
        except ClaimLost as error:
            self._on_lost(error)
            return False
        except Exception as error:
            # If this thread ended, the claim would be lost for no visible reason.
            # Shown once when the errors start, not at every turn.
            if self._shown is not type(error):
                self._on_trouble(error)
            self._shown = type(error)
        return True


@dataclass(kw_only=True)
class Keepalive:
    """Runs beside the steps: sends records, observes, sends heartbeats. Times are seconds."""

    log: AttemptLog
    logs: AttemptLogs
    observer: Observer
    beater: Beater
    budget: PushBudget
    flush_every: float
    observe_every: float
    beat_every: float
    monotonic: Callable[[], float]
    boottime: Callable[[], float]
    """Like `monotonic`, but also counts the time in which the machine slept."""
    _flushed_at: float = field(init=False)
    _looked_at: float | None = field(init=False, default=None)
    _answered_at: float | None = field(init=False, default=None)
    _writes: int = field(init=False, default=0)
    _published_at: float = field(init=False)

    def __post_init__(self) -> None:
        # the claim has just been pushed
        self._flushed_at = self._published_at = self.monotonic()
        self.beater.count(on_facts=True)

    @property
    def tick(self) -> float:
        """Seconds between two turns."""
        return min(self.flush_every, self.observe_every, self.beat_every)

    def look_now(self) -> None:
        """Make a check of the repository due."""
        self._looked_at = None

    def is_fresh(self) -> bool:
        """Whether the last check is so recent that another one would show nothing new."""
        return self._answered_at is not None and self.boottime() - self._answered_at < _FRESH

    def look(self) -> None:
        """Check the claim and the other builders.

        Raises ClaimLost, Unavailable and the store's other errors.
        """
        self._looked_at = now = self.boottime()
        self.observer.look(self.log.running.claimed)
        self._answered_at = now

    def run_due(self) -> None:
        """Do what is due. Raises ClaimLost, AnotherFarm and NewerFormat at once.

        Other errors are raised after everything was tried.
        """
        trouble: list[Exception] = []
        for act in (self._record, self._look, self._beat, self._publish_logs):
            try:
                act()
            except (ClaimLost, AnotherFarm, NewerFormat):
                raise
            except Exception as error:
                trouble.append(error)
        if trouble:
            raise trouble[0]

    def _record(self) -> None:
        now = self.monotonic()
        if now - self._flushed_at < self.flush_every or not self.budget.has_room():
            return
        if not may_record(self._writes, self.log.ended_steps()):
            return
        self._flushed_at = now
        if self.log.flush():
            self._writes += 1
            self.beater.count()

    def _look(self) -> None:
        if self._looked_at is None or self.boottime() - self._looked_at >= self.observe_every:
            self.look()

    def _beat(self) -> None:
        running = self.log.running
        steps = self.log.running_steps()
        counts = {step: running.counts[step] for step in steps if step in running.counts}
        claim = {CLAIM_KEY: running.claimed.claim_id, "attempt": running.attempt}
        job = {**current_job(running.claimed.job), **claim, "steps": list(steps)}
        change = StatusChange(
            status=BUILDING, current_job={**job, "progress": counts} if counts else job
        )
        self.beater.beat_if_due(self.beat_every, change, lambda: self.logs.tails(steps))

    def _publish_logs(self) -> None:
        now = self.monotonic()
        if now - self._published_at < self.flush_every:
            return
        self._published_at = now
        # heartbeats must not wait for a long log: it follows at the end of the attempt
        self.logs.keep(self.log.ended_logs(), only_short=True)
        if self.budget.has_room():
            self.logs.send()


def may_record(writes: int, ended_steps: int) -> bool:
    """Whether to write transitions now, after so many such writes of this attempt.

    One write per two steps, however long they take: with claim and end, a job of six steps takes
    five commits. Meanwhile heartbeats show running steps, and the outbox keeps ended ones.
    """
    return ended_steps >= _STEPS_A_WRITE * writes

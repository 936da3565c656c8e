"""The loop of `doit work`: watch the farm, and build job after job.

Each job is built by a `doit build` of its own, which also decides whether a job matches this
builder. The loop only sees when it is worth asking: jobs wait, and something changed since the
last time.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from common.errors import os_error_text
from coordination_tasks.domain.errors import CoordinationError
from coordination_tasks.farm.work.offers import Offers, read_offers
from coordination_tasks.farm.work.service_manager import ServiceManager
from coordination_tasks.store.snapshot import Snapshot

EXIT_FAILED = 1
EXIT_NOTHING = 4
LONGEST_SILENCE = 1200.0
"""Seconds without a sign of life. A claim may wait 600 s for the lock of an older program."""
SHORTEST_POLL = 3.0
"""Seconds between two looks for jobs: a new one is seen within 5 s."""
_SHARE = 10
"""A look takes at most this part of the time between two: 1/10."""
_READS = 5.0
"""Looks per second of all builders together; Git hosts expect at most 15 reads."""
_TICK = 0.2
_ASK_AGAIN = 60.0
"""Seconds after which a build is tried again although nothing changed that can be seen."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
"""Seconds after a build that did not succeed: a broken builder must not fail the whole queue."""


class Until(Enum):
    """When the loop ends by itself."""

    NEVER = "never"
    ONE_BUILD = "one build"
    IDLE = "idle"


class Build(Protocol):
    """See BuildProcess."""

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""

    def silent_for(self) -> float:
        """Seconds since its last sign of life."""

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""

    def last_words(self) -> str:
        """What it wrote to stderr, once it has ended."""


@dataclass(kw_only=True)
class Work:
    """The work of one builder. `end` may be called from another thread. Times are seconds."""

    builder: str
    watch: Callable[[], None]
    """A turn of `doit watch`."""
    look: Callable[[], object]
    """Checks the repository for new jobs. Raises CoordinationError."""
    snapshot: Callable[[], Snapshot | None]
    """The store at the last check."""
    start_build: Callable[[], Build]
    pipelines_state: Callable[[], object]
    """Changes with the pipelines file."""
    service: ServiceManager
    watch_every: float
    until: Until
    finishes: bool
    """Whether the first signal lets the job end; otherwise it is queued again."""
    monotonic: Callable[[], float]
    wait: Callable[[float], object]
    notice: Callable[[str], None]
    """Receives lines about our actions, and the errors of builds."""
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _ending: bool = field(init=False, default=False)
    _giving_back: bool = field(init=False, default=False)
    _build: Build | None = field(init=False, default=None)
    _code: int | None = field(init=False, default=None)
    """Exit code of the last build."""
    _words: str = field(init=False, default="")
    _read: tuple[Snapshot | None, Offers] = field(init=False, default=(None, Offers()))
    _tried: tuple[object, object] | None = field(init=False, default=None)
    """The jobs on offer and the pipelines when the last build started."""
    _ask_again_at: float = field(init=False, default=0.0)
    _pause_until: float = field(init=False, default=0.0)
    _pause: float = field(init=False, default=0.0)
    _watch_at: float = field(init=False, default=0.0)
    _look_at: float = field(init=False, default=0.0)
    _is_away: bool = field(init=False, default=False)

    def end(self, number: int = signal.SIGTERM) -> None:
        """A signal arrived: claim no more, and end when the build has ended."""
        with self._lock:
            if self.finishes and not self._ending and self._build:
                self.notice("ending after this job; a second signal queues it again")
            else:
                self._giving_back = True
                if self._build:
                    self._build.signal(number)
            self._ending = True

    def run(self) -> int:
        """Work until a signal or as long as `until` says; returns the exit code."""
        self.service.ready()
        while not self._is_over():
            self._turn()
            self.service.show(self._status())
            self.service.is_alive()
            self.wait(_TICK)
        self.service.stopping()
        return self._exit_code()

    def _is_over(self) -> bool:
        if self._build:
            return False
        if self._ending or (self.until is Until.ONE_BUILD and self._code is not None):
            return True
        # before the first look nothing is known
        return self.until is not Until.NEVER and self._look_at > 0 and not self._has_work()

    def _exit_code(self) -> int:
        if self._ending or self.until is Until.NEVER:
            return 0
        if self._is_away:
            return EXIT_FAILED
        if self._code is None:
            self.notice("no job waits for this builder")
            return 0 if self.until is Until.IDLE else EXIT_NOTHING
        # what stays on offer, though the last build claimed nothing
        is_done = self.until is Until.IDLE and not (
            self._offers().jobs and self._code not in {0, EXIT_FAILED, EXIT_NOTHING}
        )
        return 0 if is_done else self._code

    def _turn(self) -> None:
        now = self.monotonic()
        if now >= self._watch_at and not self._ending:
            self.watch()
            self._watch_at = self.monotonic() + self.watch_every
        if self._build:
            self._supervise(self._build)
        elif now >= self._look_at and not self._ending:
            self._look()
            if self._has_work() and now >= self._pause_until:
                self._start()

    def _look(self) -> None:
        began = self.monotonic()
        try:
            self.look()
        except CoordinationError:  # the watch reports it, at its next turn
            self._is_away = True
            self._look_at = began + self.watch_every
            return
        self._is_away = False
        cost = self.monotonic() - began
        builders = len(self._read[0].builders()) if self._read[0] else 1
        self._look_at = began + poll_interval(cost, builders)

    def _has_work(self) -> bool:
        """Whether a build may find a job, as of the last look."""
        jobs = self._offers().jobs
        if self._is_away or not jobs:
            return False
        if (jobs, self.pipelines_state()) != self._tried:
            return True
        return self.until is Until.NEVER and self.monotonic() >= self._ask_again_at

    def _offers(self) -> Offers:
        snapshot = self.snapshot()
        if snapshot and snapshot is not self._read[0]:
            self._read = (snapshot, read_offers(snapshot, self.builder))
        return self._read[1]

    def _start(self) -> None:
        self._tried = (self._offers().jobs, self.pipelines_state())
        self._ask_again_at = self.monotonic() + _ASK_AGAIN
        try:
            with self._lock:
                if not self._ending:
                    self._build = self.start_build()
        except OSError as error:  # no memory, no space: this passes
            self.notice(f"cannot start doit build: {os_error_text(error)}")
            self._code = EXIT_FAILED
            self._slow_down()

    def _supervise(self, build: Build) -> None:
        code = build.poll()
        if code is None and build.silent_for() > LONGEST_SILENCE:
            self.notice(f"doit build gave no sign of life for {LONGEST_SILENCE:g} s: killed")
            build.signal(signal.SIGKILL)
        if code is None:
            return
        with self._lock:
            self._build = None
        words = build.last_words()
        if words and (code, words) != (EXIT_NOTHING, self._words):
            for line in words.splitlines():
                self.notice(line)
        self._words, self._code = words, code
        self._look_at = 0.0
        if code in {0, EXIT_NOTHING}:
            self._pause = 0.0
        else:
            self._watch_at = 0.0  # it takes care of what a killed build left
            self._slow_down()

    def _slow_down(self) -> None:
        self._pause = min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, 2 * self._pause))
        self._pause_until = self.monotonic() + self._pause

    def _status(self) -> str:
        offers = self._offers()
        if self._build:
            job = f"job {offers.own}" if offers.own else "the next job"
            return f"builds {job}{', then ends' if self._ending else ''}"
        if self._is_away:
            return "the coordination repository is unreachable"
        if offers.obstacle:
            return offers.obstacle
        return f"idle; {len(offers.jobs)} waiting jobs do not match" if offers.jobs else "idle"


def poll_interval(cost: float, builders: int) -> float:
    """Seconds between two looks for jobs, of which one takes `cost`, in a farm of `builders`."""
    return max(SHORTEST_POLL, _SHARE * cost, builders / _READS)

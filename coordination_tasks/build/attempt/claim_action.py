"""The claim of `doit build`: the action of a doit task, and the attempt that results from it."""

from __future__ import annotations

import time
from collections.abc import Callable

from coordination_tasks.build.attempt.attempt_log import AttemptLog
from coordination_tasks.build.attempt.claiming import Claimer
from coordination_tasks.build.attempt.running_attempt import RunningAttempt
from coordination_tasks.build.attempt.stop_reasons import StopReasons
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.domain.errors import BadRequest, EndedWhileClaiming
from coordination_tasks.store.store import Store

_SHORT_SLEEP = 0.1  # a signal does not interrupt a longer one


class ClaimAction:
    """Made before there is a job: doit's tasks and the running steps look the job up here.

    `on_stop` is called with the reason when the running steps must stop.
    """

    def __init__(
        self, on_stop: Callable[[str], None], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.stop = StopReasons(on_stop)
        self.error: Exception | None = None
        """The error that prevented the claim."""
        self._monotonic = monotonic
        self._claim: Callable[[], AttemptLog] | None = None
        self._log: AttemptLog | None = None

    def arm(
        self,
        claimer: Claimer,
        store: Store,
        outbox: Outbox,
        *,
        failed_log: int = 0,
        published: str = "published",
        sign: Callable[[bytes], str] | None = None,
    ) -> None:
        """Set what `claim` needs; for the last three see AttemptLog."""

        def claim() -> AttemptLog:
            running = claimer.claim()
            return AttemptLog(
                running,
                outbox,
                store,
                self.stop,
                failed_log=failed_log,
                published=published,
                sign=sign,
                monotonic=self._monotonic,
            )

        self._claim = claim

    def claim(self) -> bool:
        """Claim a job; the action of the task `claim-job`. False leaves `error`."""
        if self._claim is None:
            self.error = BadRequest(
                "steps run only in a job. Queue one with `doit enqueue` and run `doit build`."
            )
            return False
        try:
            self._log = self._claim()
        except Exception as error:  # doit would swallow it: raised again where it can be shown
            self.error = error
            return False
        return True

    def log(self) -> AttemptLog:
        """The attempt of this process. Raises BadRequest when there is none."""
        if self._log is None:
            raise BadRequest("no job is claimed. Run steps with `doit build`.")
        return self._log

    def current(self) -> RunningAttempt | None:
        """The attempt as the steps see it, or None."""
        return self._log.running if self._log else None

    def sleep(self, seconds: float) -> None:
        """Wait for others. Raises EndedWhileClaiming if a signal arrives before there is a job."""
        end = self._monotonic() + seconds
        while (rest := end - self._monotonic()) > 0:
            if self.stop.signal and self._log is None:
                raise EndedWhileClaiming(f"{self.stop.signal.reason} while claiming a job")
            time.sleep(min(rest, _SHORT_SLEEP))

"""Retries a failed step according to its `retries`, and records the result of each try."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Retries

T = TypeVar("T")

_CHANGED_MORE = (
    "not retried: its changes in the source tree cannot be separated from those of other steps"
)
MAX_WAIT = 600.0
"""Maximum wait in seconds."""


@dataclass(slots=True)
class StepRetries:
    """The tries of one run of a step.

    `may_repeat` returns whether the step would find the same source tree after its failure. `wait`
    gets seconds and raises StepCancelled when the build must stop; `tell` gets a line for the log
    and the display; `monotonic` is the clock, and `deadline` its time at which the step must have
    ended.
    """

    retries: Retries
    wait: Callable[[float], None]
    may_repeat: Callable[[], bool]
    tell: Callable[[str], None]
    monotonic: Callable[[], float]
    deadline: float | None = None
    failed: list[dict[str, Any]] = field(default_factory=list)
    """For each failed try before the last one: code, reason, seconds (JSON values)."""

    def run(self, attempt: Callable[[], T]) -> T:
        """The result of `attempt`. Raises its last StepFailed, and any other error at once."""
        while True:
            began = self.monotonic()
            try:
                return attempt()
            except StepFailed as error:
                pause = self._pause(error)
                if pause is None:
                    raise
                self._note(error, self.monotonic() - began)
                self.tell(f"try {len(self.failed)} failed: {error}; next try in {pause:g} s")
                self.wait(pause)
                self.tell(f"try {len(self.failed) + 1} of {self.retries.count + 1}")

    def _pause(self, error: StepFailed) -> float | None:
        """Seconds until the next try; None when there is none."""
        retries, done = self.retries, len(self.failed)
        if done >= retries.count or (retries.on and error.code not in retries.on):
            return None
        pause = float(min(retries.backoff * 2**done, MAX_WAIT))
        if self.deadline is not None and self.monotonic() + pause >= self.deadline:
            return None
        if not self.may_repeat():
            self.tell(_CHANGED_MORE)
            return None
        return pause

    def _note(self, error: StepFailed, seconds: float) -> None:
        self.failed.append(
            {
                "code": FailureCode(error.code).value,
                "reason": error.message,
                "duration_seconds": round(seconds, 3),
            }
        )

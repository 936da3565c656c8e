"""The display for programs: silent while the steps run, and one JSON document at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from common.states import State
from coordination_tasks.build.attempt.attempt_end import AttemptEnd, Released
from coordination_tasks.build.attempt.attempt_log import AttemptLog
from coordination_tasks.build.display.display import Display
from coordination_tasks.domain.attempt_result import Failed, Succeeded
from coordination_tasks.domain.next_step import NextStep

_NO_ATTEMPT: Mapping[str, object] = {
    **dict.fromkeys(("job", "attempt", "builder", "pipeline", "branch", "commit", "state")),
    **dict.fromkeys(("reason", "artifacts", "next")),
    "steps": [],
}


class DocumentDisplay(Display):
    """Collects what the other displays show."""

    def __init__(self) -> None:
        self._attempt = _NO_ATTEMPT
        self._messages: list[str] = []

    def begin(self, title: str, steps: tuple[str, ...]) -> None:
        """See Display."""

    def step_began(self, step: str, reason: str) -> None:
        """See Display."""

    def step_progress(self, step: str, text: str) -> None:
        """See Display."""

    def step_line(self, step: str, line: str) -> None:
        """See Display."""

    def step_ended(self, step: str, state: State, reason: str, seconds: float | None) -> None:
        """See Display."""

    def end(self) -> None:
        """See Display."""

    def message(self, text: str) -> None:
        """See Display."""
        self._messages.append(text)

    def attempt_ended(self, attempt: Mapping[str, object]) -> None:
        """See Display."""
        self._attempt = attempt

    def document(self, exit_code: int) -> dict[str, object]:
        """JSON values; without an attempt its members are null."""
        return {"exit_code": exit_code, **self._attempt, "messages": self._messages}


def show_attempt(
    display: Display, log: AttemptLog, end: AttemptEnd, *, is_queued: bool = True
) -> None:
    """Show how the attempt ended, unless an error says so; `is_queued`: a queue has the job."""
    if isinstance(end, Succeeded | Failed | Released):
        following = log.next_step(end) if isinstance(end, Failed) and is_queued else None
        display.attempt_ended(_attempt_as_json(log, end, following))


def _attempt_as_json(
    log: AttemptLog, end: Succeeded | Failed | Released, following: NextStep | None
) -> dict[str, object]:
    running = log.running
    return {
        "job": running.job_id,
        "attempt": running.attempt,
        "builder": running.builder,
        "pipeline": running.pipeline,
        "branch": running.branch,
        "commit": running.commit,
        "state": end.state,
        "reason": end.reason,
        "artifacts": end.artifacts_at if isinstance(end, Succeeded) else None,
        "next": asdict(following) if following else None,
        "steps": [
            {
                "step": t.step,
                "state": t.to_state,
                "reason": t.reason,
                "duration_seconds": t.duration_seconds,
                "log": t.log,
                "details": t.details,
            }
            for t in log.steps()
        ],
    }

"""The doit task of coordination."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from doit.exceptions import TaskFailed

if TYPE_CHECKING:
    from coordination_tasks.build.attempt.claim_action import ClaimAction

CLAIM_TASK = "claim-job"


def claim_task(action: Callable[[], ClaimAction]) -> dict[str, Any]:
    """The task that all steps wait for. It is up to date while a job is claimed."""

    def claim() -> bool | TaskFailed:
        return action().claim() or TaskFailed(str(action().error))

    return {
        "basename": CLAIM_TASK,
        "doc": "claim the next job from the coordination repository",
        "actions": [claim],
        "uptodate": [lambda: action().current() is not None],
    }

"""The doit task of coordination."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from doit.exceptions import TaskFailed

if TYPE_CHECKING:
    from coordination_tasks.build.attempt.session import Session

CLAIM_TASK = "claim-job"


def claim_task(session: Callable[[], Session]) -> dict[str, Any]:
    """The task that all steps wait for. It is up to date while a job is claimed."""

    def claim() -> bool | TaskFailed:
        return session().claim() or TaskFailed(str(session().claim_error))

    return {
        "basename": CLAIM_TASK,
        "doc": "claim the next job from the coordination repository",
        "actions": [claim],
        "uptodate": [lambda: session().current() is not None],
    }

"""The doit tasks of coordination, and the database that doit is given in place of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from doit.exceptions import InvalidDodoFile, TaskFailed

from coordination_tasks.build.attempt.session import Session
from coordination_tasks.builder.config.builder import pipelines_file
from coordination_tasks.domain.errors import BadConfiguration

CLAIM_TASK = "claim-job"


def claim_task(session: Session) -> dict[str, Any]:
    """The task that all steps wait for. It is up to date while a job is claimed."""

    def claim() -> bool | TaskFailed:
        return session.claim() or TaskFailed(str(session.claim_error))

    return {
        "basename": CLAIM_TASK,
        "doc": "claim the next job from the coordination repository",
        "actions": [claim],
        "uptodate": [lambda: session.current() is not None],
    }


def pipelines_path(home: Path, environment: Mapping[str, str]) -> Path:
    """Path of `pipelines.yaml`. Raises InvalidDodoFile, which doit shows as one line."""
    try:
        return pipelines_file(home, environment)
    except BadConfiguration as error:
        raise InvalidDodoFile(str(error)) from error


class NoDatabase:
    """A doit backend that keeps nothing: what succeeded is in the steps' own records.

    doit writes its database only when it ends, so a killed build would lose what it did.
    """

    desc = "keeps nothing; steps have records of their own"

    def __init__(self, name: str, **options: object) -> None:  # noqa: ARG002 - doit's contract
        self.name = name
        self._values: dict[str, dict[str, Any]] = {}

    def dump(self) -> None:
        """Write nothing."""

    def set(self, task_id: str, dependency: str, value: Any) -> None:
        """Keep a value for this run."""
        self._values.setdefault(task_id, {})[dependency] = value

    def get(self, task_id: str, dependency: str) -> Any:
        """A value of this run."""
        return self._values.get(task_id, {}).get(dependency)

    def in_(self, task_id: str) -> bool:
        """Whether this run has values of the task."""
        return task_id in self._values

    def remove(self, task_id: str) -> None:
        """Forget a task's values."""
        self._values.pop(task_id, None)

    def remove_all(self) -> None:
        """Forget all values."""
        self._values.clear()

"""The database that doit gets instead of its own."""

from __future__ import annotations

from typing import Any


class NoDatabase:
    """A doit backend that stores nothing: the steps have success records of their own.

    doit writes its database only when it ends, so a killed build would lose everything.
    """

    desc = "stores nothing; steps have records of their own"

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

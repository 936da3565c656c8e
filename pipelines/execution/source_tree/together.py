"""Which steps ran in the tree at the same time as others."""

from __future__ import annotations

from threading import Lock


class Together:
    """The steps that run at this moment; each learns which others ran during its own time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: dict[str, set[str]] = {}

    def begin(self, step: str) -> None:
        """Note that the step starts."""
        with self._lock:
            for others in self._running.values():
                others.add(step)
            self._running[step] = set(self._running)

    def end(self, step: str) -> frozenset[str]:
        """Note that the step has ended; returns the others. Empty if it was not started here."""
        with self._lock:
            return frozenset(self._running.pop(step, ()))

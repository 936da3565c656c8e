"""Which steps were at work in the tree at the same time as others."""

from __future__ import annotations

from threading import Lock


class Together:
    """The steps that run at this moment; each learns which others did during its own time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: dict[str, set[str]] = {}

    def begin(self, step: str) -> None:
        """The step begins to work."""
        with self._lock:
            for others in self._running.values():
                others.add(step)
            self._running[step] = set(self._running)

    def end(self, step: str) -> frozenset[str]:
        """The step has ended; gives the others. None of them if it was not begun here."""
        with self._lock:
            return frozenset(self._running.pop(step, ()))

"""Heartbeats in memory: for tests, and to try an observer without a remote."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from coordination_tasks.repository.heartbeats import AUTO_PREFIX, FACTS
from coordination_tasks.repository.memory_repository import MemoryRemote


class MemoryHeartbeats:
    """One builder's view of a MemoryRemote. See Heartbeats."""

    def __init__(self, remote: MemoryRemote, place: str) -> None:
        self._remote = remote
        self._place = place

    def beat(self, files: Mapping[str, bytes]) -> None:
        """See Heartbeats.beat."""
        count, _ = self._remote.beats.get(self._place, (0, {}))
        self._remote.beats[self._place] = (count + 1, dict(files))

    def signs(self, others: Collection[str] = ()) -> Mapping[str, str]:
        """See Heartbeats.signs."""
        seen = {
            place: str(count)
            for place, (count, _) in self._remote.beats.items()
            if place.startswith(AUTO_PREFIX) or place in others
        }
        return seen | ({FACTS: self._remote.tip} if self._remote.tip else {})

    def read(self, paths: Mapping[str, str]) -> Mapping[str, bytes]:
        """See Heartbeats.read."""
        found = {p: self._remote.beats.get(p, (0, {}))[1].get(path) for p, path in paths.items()}
        return {place: data for place, data in found.items() if data is not None}

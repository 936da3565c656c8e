"""Observations of all builders on this machine, shared by its processes.

`doit build` and `doit watch` observe regularly, `doit status` on request. Each continues from the
observations of the others, so a command that lasts half a second knows who is alive.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from common.file_lock import file_lock
from common.records import Rejected, key, map_of, number, record, text
from coordination_tasks.domain.errors import BrokenDocument, NotDurable
from coordination_tasks.farm.presence.liveness import Liveness, Observation
from coordination_tasks.repository.heartbeats import AUTO_PREFIX, own_place
from coordination_tasks.store.snapshot import Snapshot

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""The monotonic clock restarts with each boot."""
ALIVE, SILENT, UNKNOWN = "alive", "silent", "unknown"
LONGEST_GAP = 1800.0
"""Seconds after which the last observation is void: the remote may have been unreachable."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a builder is alive, as observed from this machine."""

    liveness: str
    """ALIVE: it changed; SILENT: no change for its lease; UNKNOWN: watched for too short a time."""
    still_for_seconds: float
    """Seconds since its last change, or since it was first seen."""


@dataclass(frozen=True, slots=True)
class _LastLook:
    """The content of the file."""

    looked_at: float = key(number())
    boot: str = key(text)
    builders: Mapping[str, Observation] = key(map_of(record(Observation)))


_LAST_LOOK = record(_LastLook)


class Observations:
    """Observations in the file `path`. Times are those of this host's monotonic clock."""

    def __init__(self, path: Path, *, lease: float, monotonic: Callable[[], float]) -> None:
        self._path = path
        self._lease = lease
        self._monotonic = monotonic
        self._lock_path = path.with_name(path.name + ".lock")

    def look(self, snapshot: Snapshot, signs: Mapping[str, str]) -> Mapping[str, Presence]:
        """Add the current state; returns the presence of each builder. Raises NotDurable."""
        places = builder_places(snapshot, signs)
        now = self._monotonic()
        seen = {
            name: f"{signs.get(place)} {snapshot.sign_of(name, ())}"
            for name, place in places.items()
        }
        try:
            with file_lock(self._lock_path):
                liveness = self._read(now)
                liveness.see(seen, now)
                self._write(liveness.observations, now)
        except OSError as error:
            raise NotDurable(f"cannot write {self._path}: {error}") from error
        return {name: self._presence(liveness.observations[name], now) for name in places}

    def _presence(self, observation: Observation, now: float) -> Presence:
        still_for = now - observation.since
        in_time = ALIVE if observation.moved else UNKNOWN
        liveness = in_time if still_for <= self._lease else SILENT
        return Presence(liveness, round(still_for, 1))

    def _read(self, now: float) -> Liveness:
        try:
            last = _LAST_LOOK(json.loads(self._path.read_bytes()))
        except (FileNotFoundError, ValueError, Rejected):
            return Liveness(LONGEST_GAP)
        if last.looked_at > now or last.boot != _BOOT_ID.read_text():
            return Liveness(LONGEST_GAP)
        return Liveness(LONGEST_GAP, last.builders, last.looked_at)

    def _write(self, observations: Mapping[str, Observation], now: float) -> None:
        look = _LastLook(looked_at=now, boot=_BOOT_ID.read_text(), builders=observations)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(look)))
        temporary.replace(self._path)


def builder_places(snapshot: Snapshot, signs: Mapping[str, str]) -> Mapping[str, str]:
    """Each builder with a status or heartbeats, and the place of its heartbeats."""
    beating = (place for place in signs if place.startswith(AUTO_PREFIX))
    found = {place.removeprefix(AUTO_PREFIX): place for place in beating}
    for name in snapshot.builders():
        try:
            place = snapshot.builder_status(name).heartbeats_at
        except BrokenDocument:
            place = None
        found[name] = place or own_place(name)
    return dict(sorted(found.items()))

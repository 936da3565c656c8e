"""What this builder remembers of its farm, so that an older or another repository is noticed.

It outlives the local clone, which is disposable.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common.atomic_files import write_durably
from coordination_tasks.documents.codec import is_unfinished, token_from

_JOBS = "jobs"
_SAVING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a job last."""

    token: int
    unfinished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The newest version that this builder has seen."""

    epoch: str = ""
    """The farm; "": it had no epoch yet."""
    tip: str = ""
    """The version; "": none."""
    jobs: Mapping[str, Seen] = field(default_factory=dict)
    """The jobs of its queue."""


class FarmMemory:
    """The memory in the file `path`; without one it ends with the process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._last = Remembered()

    def load(self) -> Remembered:
        """What was saved last, by any process of this builder. A damaged file is like none."""
        if self._path is not None:
            try:
                self._last = _from_json(json.loads(self._path.read_bytes()))
            except FileNotFoundError:
                self._last = Remembered()
            except (ValueError, TypeError, AttributeError, LookupError):
                self._last = Remembered()
        return self._last

    def save(self, remembered: Remembered) -> None:
        """Remember it, durably. Raises OSError."""
        self._last = remembered
        if self._path is not None:
            content = json.dumps(_as_json(remembered)).encode()
            with _SAVING:  # threads of a process share a temporary file
                write_durably(self._path, content)


def seen_in(queue: bytes | None) -> Mapping[str, Seen]:
    """The jobs of a queue, as far as it is readable; quicker than reading them completely."""
    try:
        entries = json.loads(queue or b"{}")[_JOBS]
        return {
            raw["id"]: Seen(token_from(raw), is_unfinished(raw))
            for raw in entries
            if isinstance(raw, dict) and isinstance(raw.get("id"), str)
        }
    except (ValueError, TypeError, LookupError, RecursionError):
        return {}


def _as_json(remembered: Remembered) -> dict[str, object]:
    jobs = {name: [seen.token, seen.unfinished] for name, seen in remembered.jobs.items()}
    return {"epoch": remembered.epoch, "tip": remembered.tip, _JOBS: jobs}


def _from_json(raw: dict[str, object]) -> Remembered:
    jobs = raw[_JOBS]
    if not isinstance(jobs, dict):
        raise TypeError(_JOBS)
    return Remembered(
        epoch=str(raw["epoch"]),
        tip=str(raw["tip"]),
        jobs={str(name): Seen(int(token), bool(open_)) for name, (token, open_) in jobs.items()},
    )

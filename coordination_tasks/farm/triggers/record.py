"""The last look at each trigger: on a builder's own disk, and in its heartbeats for the others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from common.atomic_files import replace_file
from coordination_tasks.domain.secret_scan import withhold
from coordination_tasks.domain.timestamps import format_time, parse_time

_MOST_LINES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look at one trigger."""

    at: datetime | None = None
    by: str = ""
    """The builder that looked; "" where that does not matter."""
    problem: str = ""
    """Why it could not look; "": it could."""
    said: tuple[str, ...] = ()
    """What it found, and why it queued nothing."""


Looks = Mapping[str, Look]
"""The last look by the name of the trigger."""


def look_record(state_dir: Path) -> LookRecord:
    """What the builder of this folder saw last."""
    return LookRecord(state_dir / "triggers.json")


@dataclass(frozen=True, slots=True)
class LookRecord:
    """The last looks, in a file that may be lost."""

    file: Path

    def read(self, by: str = "") -> Looks:
        """All of them, by this builder; none when the file cannot be read."""
        try:
            return read_looks(self.file.read_bytes(), by)
        except OSError:
            return {}

    def write(self, looks: Looks) -> None:
        """Replace it; what was found of a trigger stays until there is more. Raises OSError."""
        before = self.read()
        kept = {
            name: look if look.said or look.problem else replace(look, said=_said(before, name))
            for name, look in looks.items()
        }
        replace_file(self.file, looks_data(kept))


def looks_data(looks: Looks) -> bytes:
    """As JSON, without what looks like a secret."""
    document = {
        name: {
            "at": format_time(look.at) if look.at else None,
            "problem": withhold(look.problem),
            "said": [withhold(line) for line in look.said[:_MOST_LINES]],
        }
        for name, look in looks.items()
    }
    return json.dumps(document).encode()


def read_looks(data: bytes, by: str = "") -> Looks:
    """The looks of `looks_data`; none when it is unreadable."""
    try:
        return {
            str(name): Look(
                at=parse_time(each["at"]),
                by=by,
                problem=str(each["problem"]),
                said=tuple(map(str, each["said"])),
            )
            for name, each in json.loads(data).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def last_looks(all_looks: Iterable[Looks]) -> Looks:
    """Of the looks of several builders the newest at each trigger, by their own clocks."""
    found: dict[str, Look] = {}
    for looks in all_looks:
        for name, look in looks.items():
            if name not in found or _time(look) > _time(found[name]):
                found[name] = look
    return found


def _time(look: Look) -> datetime:
    return look.at or datetime.min.replace(tzinfo=UTC)


def _said(looks: Looks, name: str) -> tuple[str, ...]:
    return looks[name].said if name in looks else ()

"""What this builder saw at its last look at each trigger, on its own disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from common.atomic_files import replace_file
from coordination_tasks.domain.timestamps import format_time, parse_time

_MOST_LINES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look at one trigger."""

    at: datetime | None = None
    problem: str = ""
    """Why it could not look; "": it could."""
    said: tuple[str, ...] = ()
    """What it found, and why it queued nothing."""


@dataclass(frozen=True, slots=True)
class LookRecord:
    """The last looks, in a file that may be lost."""

    file: Path

    def read(self) -> Mapping[str, Look]:
        """The last look by the name of the trigger."""
        try:
            found = json.loads(self.file.read_bytes())
            return {
                str(name): Look(
                    at=parse_time(each["at"]), problem=each["problem"], said=tuple(each["said"])
                )
                for name, each in found.items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def write(self, looks: Mapping[str, Look]) -> None:
        """Replace it; what was found of a trigger stays until there is more. Raises OSError."""
        before = self.read()
        kept = {
            name: look if look.said or look.problem else replace(look, said=_said(before, name))
            for name, look in looks.items()
        }
        document = {
            name: {
                **asdict(look),
                "at": format_time(look.at) if look.at else None,
                "said": look.said[:_MOST_LINES],
            }
            for name, look in kept.items()
        }
        replace_file(self.file, json.dumps(document).encode())


def _said(looks: Mapping[str, Look], name: str) -> tuple[str, ...]:
    return looks[name].said if name in looks else ()

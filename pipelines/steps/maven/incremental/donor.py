"""The newest build with the same options on this builder: other commits take modules from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from common.atomic_files import write_durably
from pipelines.steps.maven.output.events import BuildEvents, read_events


@dataclass(frozen=True, slots=True)
class Donor:
    """A build that went well, with the same options and environment."""

    job: str
    commit: str
    source: str
    repository: str
    events: str


_DONOR = TypeAdapter(Donor)


def remember(file: Path, donor: Donor) -> None:
    """Let later jobs take modules from this build."""
    fields = {name: getattr(donor, name) for name in Donor.__slots__}
    write_durably(file, json.dumps(fields).encode())


def known_donor(file: Path) -> tuple[Donor, BuildEvents] | None:
    """The build that `file` names, with its events; None when there is none (any more)."""
    try:
        donor = _DONOR.validate_python(json.loads(file.read_text()))
        with Path(donor.events).open(encoding="utf-8", errors="replace", newline="\n") as lines:
            return donor, read_events(lines)
    except (FileNotFoundError, ValueError):
        return None  # everything is built

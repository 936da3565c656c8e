"""The newest build with the same options on this builder: other commits reuse its modules."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from common.atomic_files import write_durably
from pipelines.steps.maven.output.events import BuildEvents, read_events


@dataclass(frozen=True, slots=True)
class EarlierBuild:
    """A successful build with the same options and environment."""

    job: str
    commit: str
    source: str
    repository: str
    events: str


_EARLIER_BUILD = TypeAdapter(EarlierBuild)


def remember(file: Path, earlier: EarlierBuild) -> None:
    """Allow later jobs to reuse modules of this build."""
    fields = {name: getattr(earlier, name) for name in EarlierBuild.__slots__}
    write_durably(file, json.dumps(fields).encode())


def read_earlier_build(file: Path) -> tuple[EarlierBuild, BuildEvents] | None:
    """The build that `file` names, with its events; None when it does not exist (any more)."""
    try:
        earlier = _EARLIER_BUILD.validate_python(json.loads(file.read_text()))
        with Path(earlier.events).open(encoding="utf-8", errors="replace", newline="\n") as lines:
            return earlier, read_events(lines)
    except (FileNotFoundError, ValueError):
        return None  # then everything is built

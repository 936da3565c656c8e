"""A note in a workspace about its job, for later readers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from common.atomic_files import write_durably


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNote:
    """The job that a workspace belongs to."""

    job: str
    pipeline: str
    branch: str | None
    commit: str | None
    params: Mapping[str, str]
    trusted: bool = True
    """Whether other jobs may use what it made."""


_NOTE = TypeAdapter(JobNote)


def write_note(path: Path, note: JobNote) -> None:
    """Write the note, unless the same one exists."""
    if read_note(path) != note:
        write_durably(path, json.dumps(asdict(note), indent=1).encode())


def read_note(path: Path) -> JobNote | None:
    """The note at `path`; None when it is missing or invalid."""
    try:
        return _NOTE.validate_python(json.loads(path.read_text()))
    except (OSError, ValueError):
        return None

"""`coordination/epoch.json`: which farm a repository belongs to, and the version of its formats.

It is made once, by the first write of a builder that knows it, and never changed.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from coordination_tasks.documents import json_edit
from coordination_tasks.documents.paths import EPOCH
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.repository.draft import Draft

FORMAT = 1
"""The version of the formats that this program writes; only an incompatible change raises it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """The identity of a farm."""

    id: str
    format: int


def read_epoch(data: bytes | None) -> Epoch | None:
    """None when there is none, or none that can be read: `doit fsck` reports the latter."""
    try:
        raw = {} if data is None else json_edit.parse_object(EPOCH, json_edit.decode(EPOCH, data))
    except BrokenDocument:
        return None
    own_id, number = raw.get("epoch"), raw.get("format", FORMAT)
    if not isinstance(own_id, str) or not own_id or not isinstance(number, int):
        return None
    return Epoch(id=own_id, format=number)


def add_epoch(draft: Draft, known: str, *, by: str, now: datetime) -> None:
    """Give a farm that has none its epoch: the one that is `known` of it, or else a new one."""
    document = {
        "epoch": known or uuid.uuid4().hex,
        "format": FORMAT,
        "created_at": format_time(now),
        "created_by": by,
    }
    draft.write(EPOCH, json_edit.dump(document).encode("utf-8"))

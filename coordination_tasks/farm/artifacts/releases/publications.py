"""`coordination/publications.json`: who promoted a build, or went back to one, where and why."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from coordination_tasks.documents import json_edit
from coordination_tasks.documents.paths import PUBLICATIONS
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.timestamps import format_time, parse_time
from coordination_tasks.repository.draft import Draft

PROMOTION, ROLLBACK = "promote", "rollback"
_NEW = json_edit.dump({"publications": {}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A person's wish that a destination offers a build. It is recorded before it is done."""

    id: str
    """Sorts by time."""
    act: str
    """PROMOTION or ROLLBACK."""
    job: str
    attempt: int
    destination: str
    """Its name on `builder`."""
    builder: str
    by: str
    reason: str
    at: datetime | None
    ended_at: datetime | None = None
    """None: it has not ended, or was killed."""
    offered: tuple[str, ...] = ()
    """What is new there: packages, or the folder that the pointer names."""
    withdrawn: tuple[str, ...] = ()
    """Packages that are no longer offered."""
    problem: str = ""
    """Why it failed; "": it did not."""

    @property
    def succeeded(self) -> bool:
        """Whether the destination offers the build since then."""
        return self.ended_at is not None and not self.problem


def new_id(at: datetime) -> str:
    """An id that no other publication has."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"


def read_publications(data: bytes | None) -> list[Publication]:
    """All, the oldest first. Raises BrokenDocument."""
    text = _NEW if data is None else json_edit.decode(PUBLICATIONS, data)
    raws = json_edit.parse_object(PUBLICATIONS, text).get("publications", {})
    if not isinstance(raws, dict):
        raise BrokenDocument(f"{PUBLICATIONS} is broken: `publications` is not an object")
    found = [_read(str(name), raw) for name, raw in raws.items() if isinstance(raw, dict)]
    return sorted(found, key=lambda one: one.id)


def record(draft: Draft, one: Publication) -> Publication:
    """Write a publication as it is now."""
    data = draft.read(PUBLICATIONS)
    read_publications(data)
    text = _NEW if data is None else json_edit.decode(PUBLICATIONS, data)
    times = {
        key: format_time(at) if at else None
        for key, at in (("at", one.at), ("ended_at", one.ended_at))
    }
    value = {key: each for key, each in (asdict(one) | times).items() if key != "id"}
    draft.write(
        PUBLICATIONS, json_edit.set_entry(text, "publications", one.id, value).encode("utf-8")
    )
    words = "ended" if one.ended_at else "began"
    draft.note(f"{one.act} of {one.job} in {one.destination} {words}, by {one.by}")
    return one


def ended(
    one: Publication,
    at: datetime,
    *,
    offered: Sequence[str] = (),
    withdrawn: Sequence[str] = (),
    problem: str = "",
) -> Publication:
    """How it ended."""
    return replace(
        one, ended_at=at, offered=tuple(offered), withdrawn=tuple(withdrawn), problem=problem
    )


def _read(name: str, raw: Mapping[str, object]) -> Publication:
    attempt = raw.get("attempt")
    return Publication(
        id=name,
        attempt=attempt if isinstance(attempt, int) else 0,
        at=parse_time(raw.get("at")),
        ended_at=parse_time(raw.get("ended_at")),
        offered=_texts(raw.get("offered")),
        withdrawn=_texts(raw.get("withdrawn")),
        **{key: str(raw.get(key) or "") for key in _TEXTS},
    )


_TEXTS = ("act", "job", "destination", "builder", "by", "reason", "problem")


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()

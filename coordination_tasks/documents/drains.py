"""`coordination/drains.json`: the builders that claim no job until somebody resumes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from coordination_tasks.documents import json_edit
from coordination_tasks.documents.paths import DRAINS
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.timestamps import format_time, parse_time
from coordination_tasks.repository.draft import Draft

ALL = "all"
"""Instead of a builder's id: all builders, including later ones."""
_NEW = json_edit.dump({"drains": {}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """A request that a builder finishes its job, and claims no more."""

    builder: str
    """Id of the builder, or ALL."""
    by: str
    at: datetime | None
    reason: str = ""

    def __str__(self) -> str:
        since = f" since {format_time(self.at)}" if self.at else ""
        why = f": {self.reason}" if self.reason else ""
        return f"drained by {self.by}{since}{why} (end it with `doit resume {self.builder}`)"


def read_drains(data: bytes | None) -> Mapping[str, Drain]:
    """All drains by builder. Raises BrokenDocument: ignoring one would start a build."""
    text = _NEW if data is None else json_edit.decode(DRAINS, data)
    raws = json_edit.parse_object(DRAINS, text).get("drains", {})
    if not isinstance(raws, dict):
        raise BrokenDocument(f"{DRAINS} is broken: `drains` is not an object")
    return {str(name): _drain(str(name), raw) for name, raw in raws.items() if raw is not None}


def title(builder: str) -> str:
    """A builder's id, or ALL, for people."""
    return "the farm" if builder == ALL else f"builder {builder}"


def drain_of(drains: Mapping[str, Drain], builder: str) -> Drain | None:
    """The drain that keeps this builder from claiming; None when there is none."""
    return drains.get(builder) or drains.get(ALL)


def set_drain(draft: Draft, drain: Drain) -> Drain:
    """Drain a builder; returns the drain in force, which is an earlier one if there is one."""
    if earlier := read_drains(draft.read(DRAINS)).get(drain.builder):
        return earlier
    value = {
        "by": drain.by,
        "at": format_time(drain.at) if drain.at else None,
        "reason": drain.reason,
    }
    _write(draft, drain.builder, value)
    draft.note(f"drain {drain.builder}, by {drain.by}")
    return drain


def end_drain(draft: Draft, builder: str, *, by: str) -> Drain | None:
    """Let a builder claim again; returns the drain that was ended, None when there was none."""
    found = read_drains(draft.read(DRAINS)).get(builder)
    if found:
        _write(draft, builder, None)
        draft.note(f"resume {builder}, by {by}")
    return found


def move_drain(draft: Draft, old: str, new: str) -> None:
    """The drain of a builder becomes that of its new id. Raises BrokenDocument."""
    text = json_edit.decode(DRAINS, draft.read(DRAINS) or _NEW.encode())
    raws = json_edit.parse_object(DRAINS, text).get("drains")
    if isinstance(raws, dict) and raws.get(old) is not None:
        _write(draft, new, raws[old])
        _write(draft, old, None)


def _drain(builder: str, raw: object) -> Drain:
    members = raw if isinstance(raw, dict) else {}
    return Drain(
        builder=builder,
        by=str(members.get("by") or "somebody"),
        at=parse_time(members.get("at")),
        reason=str(members.get("reason") or ""),
    )


def _write(draft: Draft, builder: str, value: object) -> None:
    data = draft.read(DRAINS)
    text = _NEW if data is None else json_edit.decode(DRAINS, data)
    draft.write(DRAINS, json_edit.set_entry(text, "drains", builder, value).encode("utf-8"))

"""A builder's writes for its attempt: commands that can be stored, and sent more than once."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from common.states import State
from coordination_tasks.documents.codec import transition_from, transition_line
from coordination_tasks.domain.model import Attempt, Transition
from coordination_tasks.domain.timestamps import format_time, parse_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """How an attempt ended."""

    state: State
    """SUCCEEDED, FAILED, TIMED_OUT or CANCELLED."""
    reason: str = ""
    manifest: bytes | None = None
    signature: str = ""
    """Of the manifest, by the builder's ssh key; "": it is not signed."""
    artifacts: tuple[str, ...] = ()
    """File names."""
    duration_seconds: float | None = None
    """None: the time since the job was claimed."""
    transitions: tuple[Transition, ...] = ()
    """Step transitions to record in the same write."""
    log: str = ""
    """The text of the failed steps' logs, bounded."""
    at: datetime | None = None
    """None: the time of the write; the outbox sets the time of submission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Identifies the claim in every command for an attempt: a write of a lost claim is refused."""

    job_id: str
    attempt: int
    token: int
    claim_id: str
    builder: str

    @classmethod
    def of(cls, attempt: Attempt) -> Fence:
        """The fence of a claim."""
        return cls(
            job_id=attempt.job.id,
            attempt=attempt.number,
            token=attempt.token,
            claim_id=attempt.claim_id,
            builder=attempt.builder,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Step transitions."""

    fence: Fence
    transitions: tuple[Transition, ...]
    plan: bytes | None = None
    """The attempt's plan, unless it is already stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """The end of an attempt."""

    fence: Fence
    completion: Completion


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The builder gives up the attempt; the job is queued again, or as it had ended before."""

    fence: Fence
    reason: str
    transitions: tuple[Transition, ...] = ()
    at: datetime | None = None
    """Like in Completion."""


AttemptCommand = Record | Complete | Release


def ends_claim(command: AttemptCommand, claim_id: str) -> bool:
    """Whether the command ends the attempt that was claimed with this id."""
    return not isinstance(command, Record) and command.fence.claim_id == claim_id


_NAMES: Mapping[type[AttemptCommand], str] = {
    Record: "record",
    Complete: "complete",
    Release: "release",
}


def command_to_json(command: AttemptCommand) -> tuple[str, str]:
    """Name of the command, and its arguments as JSON text."""
    members: dict[str, Any] = {"fence": asdict(command.fence)}
    if isinstance(command, Complete):
        members |= _completion_members(command.completion)
    else:
        members["transitions"] = _lines(command.transitions)
    if isinstance(command, Record) and command.plan is not None:
        members["plan"] = base64.b64encode(command.plan).decode()
    if isinstance(command, Release):
        members |= {"reason": command.reason, "at": _time_text(command.at)}
    return _NAMES[type(command)], json.dumps(members)


def command_from_json(name: str, text: str) -> AttemptCommand:
    """The command that `command_to_json` wrote. Raises ValueError."""
    members = json.loads(text)
    fence = Fence(**members["fence"])
    transitions = tuple(transition_from(json.loads(line)) for line in members["transitions"])
    if name == _NAMES[Record]:
        plan = members.get("plan")
        kept = None if plan is None else base64.b64decode(plan)
        return Record(fence=fence, transitions=transitions, plan=kept)
    if name == _NAMES[Release]:
        at = parse_time(members["at"])
        return Release(fence=fence, reason=members["reason"], transitions=transitions, at=at)
    if name == _NAMES[Complete]:
        return Complete(fence=fence, completion=_completion(members, transitions))
    raise ValueError(f"unknown command {name!r}")


def _completion_members(completion: Completion) -> dict[str, Any]:
    manifest = completion.manifest
    return {
        "state": completion.state.value,
        "reason": completion.reason,
        "manifest": None if manifest is None else base64.b64encode(manifest).decode(),
        "signature": completion.signature,
        "artifacts": list(completion.artifacts),
        "duration_seconds": completion.duration_seconds,
        "transitions": _lines(completion.transitions),
        "log": completion.log,
        "at": _time_text(completion.at),
    }


def _completion(members: Mapping[str, Any], transitions: tuple[Transition, ...]) -> Completion:
    manifest = members["manifest"]
    return Completion(
        state=State(members["state"]),
        reason=members["reason"],
        manifest=None if manifest is None else base64.b64decode(manifest),
        signature=members.get("signature", ""),  # absent in records of earlier versions
        artifacts=tuple(members["artifacts"]),
        duration_seconds=members["duration_seconds"],
        transitions=transitions,
        log=members.get("log", ""),  # absent in records of earlier versions
        at=parse_time(members["at"]),
    )


def _lines(transitions: tuple[Transition, ...]) -> list[str]:
    return [transition_line(transition) for transition in transitions]


def _time_text(at: datetime | None) -> str | None:
    return None if at is None else format_time(at)

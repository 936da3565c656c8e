"""Translates between the documents' terms and the model's.

Format: ARCHITECTURE.md, "Files of the coordination repository". Reading is tolerant (missing keys,
other forms of time); writing changes only the members that differ, so that the rest of what others
wrote is preserved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from common.states import State
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.domain.timestamps import format_time, parse_time

DEFAULT_PRIORITY = 5
_MOST_DIGITS = 16
_LARGEST = 10**_MOST_DIGITS

_STATUS_OF_STATE: Mapping[State, str] = {
    State.QUEUED: "queued",
    State.RUNNING: "running",
    State.SUCCEEDED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
    State.TIMED_OUT: "failed",
}
_STATE_OF_STATUS: Mapping[str, State] = {
    "queued": State.QUEUED,
    "running": State.RUNNING,
    "completed": State.SUCCEEDED,
    "failed": State.FAILED,
}
_UNFINISHED = (_STATUS_OF_STATE[State.QUEUED], _STATUS_OF_STATE[State.RUNNING])
_NEEDS_STATE_KEY = frozenset({State.CANCELLED, State.TIMED_OUT})
_RARE = ("queued_by", "trigger", "wanted_builder", "held", "signature", "reproduces")
"""Members that a job has only if they were requested."""
_EXACT_DURATION = "exact_duration_seconds"


class Unreadable(ValueError):
    """One entry of a document is invalid; the others are usable."""


def job_from(raw: object) -> Job:
    """A job from an entry of `coordination/jobs.json`. Raises Unreadable."""
    if not isinstance(raw, Mapping):
        raise Unreadable("is not an object")
    job_id = raw.get("id")
    if not isinstance(job_id, str) or not job_id:
        raise Unreadable("has no id")
    return Job(
        id=job_id,
        pipeline=_text(raw.get("pipeline")),
        type=_text(raw.get("type")) or "build",
        priority=_integer(raw.get("priority"), DEFAULT_PRIORITY),
        branch=_text(raw.get("branch")),
        commit=_text(raw.get("commit")),
        params=_params(raw.get("params")),
        labels=_texts("labels", raw.get("labels")),
        dependencies=_texts("dependencies", raw.get("dependencies")),
        description=_text(raw.get("description")) or "",
        queued_by=_text(raw.get("queued_by")) or "",
        trigger=_text(raw.get("trigger")) or "",
        wanted_builder=_text(raw.get("wanted_builder")) or None,
        held=_text(raw.get("held")) or "",
        signature=_text(raw.get("signature")) or "",
        reproduces=_text(raw.get("reproduces")) or "",
        state=_state(raw),
        assigned_to=_text(raw.get("assigned_to")),
        attempt=_integer(raw.get("attempt"), 0),
        token=_integer(raw.get("token"), 0),
        claim_id=_text(raw.get("claim_id")),
        max_attempts=_integer(raw.get("max_attempts"), 3),
        reason=_text(raw.get("reason")) or "",
        created_at=parse_time(raw.get("created_at")),
        started_at=parse_time(raw.get("started_at")),
        completed_at=parse_time(raw.get("completed_at")),
        duration_seconds=_duration(raw),
    )


def is_queued(raw: object) -> bool:
    """Whether an entry of `coordination/jobs.json` waits to be claimed; a quick check."""
    return isinstance(raw, Mapping) and raw.get("status") == _STATUS_OF_STATE[State.QUEUED]


def is_reproduction(raw: object) -> bool:
    """Whether an entry makes the artifacts of another job again; a quick check."""
    return isinstance(raw, Mapping) and bool(raw.get("reproduces"))


def is_unfinished(raw: object) -> bool:
    """Whether an entry of `coordination/jobs.json` waits or runs; a quick check."""
    return isinstance(raw, Mapping) and raw.get("status") in _UNFINISHED


def token_from(raw: Mapping[str, object]) -> int:
    """The fencing token of an entry of `coordination/jobs.json`; a quick look."""
    return _integer(raw.get("token"), 0)


def job_members(job: Job) -> dict[str, object]:
    """All members of a new job, with the keys of the reference first."""
    members = _members(job)
    if job.duration_seconds is None:
        del members["duration_seconds"], members[_EXACT_DURATION]
    if job.state not in _NEEDS_STATE_KEY:
        del members["state"]
    for key in _RARE:
        if not members[key]:
            del members[key]
    return members


def changed_members(raw: Mapping[str, object], before: Job, after: Job) -> dict[str, object]:
    """The members to write into the entry `raw`, which reads as `before`, to make it `after`."""
    old, new = _members(before), _members(after)
    changes = {key: value for key, value in new.items() if value != old[key]}
    # `status` decides; `state` only adds detail, so it is kept in step if it exists
    if "state" not in raw and after.state not in _NEEDS_STATE_KEY:
        changes.pop("state", None)
    return changes


def is_same_request(asked: Job, stored: Job) -> bool:
    """Whether `stored` is the same request as `asked`, whatever its state now."""
    # a claim fills in the default pipeline and the branch's commit
    filled = replace(
        asked,
        pipeline=asked.pipeline or stored.pipeline,
        commit=asked.commit or stored.commit,
    )
    return _request(filled) == _request(stored)


def signed_content(job: Job) -> bytes:
    """What the signature of a job is about: everything that decides what is built, and after what.

    Equal requests yield equal bytes.
    """
    content = {
        "format": 1,
        "id": job.id,
        "type": job.type,
        "pipeline": job.pipeline,
        "branch": job.branch,
        "commit": job.commit,
        "params": dict(job.params),
        "labels": list(job.labels),
        "dependencies": list(job.dependencies),
        **({"reproduces": job.reproduces} if job.reproduces else {}),
    }
    return json.dumps(content, sort_keys=True).encode()


def transition_line(transition: Transition) -> str:
    """One line of a transitions file, without its newline."""
    members: dict[str, object] = {
        "id": transition.id,
        "job": transition.job,
        "attempt": transition.attempt,
        "token": transition.token,
        "builder": transition.builder,
        "step": transition.step,
        "from": transition.from_state.value,
        "to": transition.to_state.value,
        "at": format_time(transition.at),
        "reason": transition.reason,
        "duration_seconds": transition.duration_seconds,
        "log": transition.log,
    }
    if transition.details:
        members["details"] = dict(transition.details)
    text = json.dumps(members, ensure_ascii=False, allow_nan=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # a tool's output that was not UTF-8
        return json.dumps(members)
    return text


def transition_from(raw: object) -> Transition:
    """A transition from a line of a transitions file. Raises Unreadable."""
    if not isinstance(raw, Mapping):
        raise Unreadable("is not an object")
    at = parse_time(raw.get("at"))
    if at is None:
        raise Unreadable("has no time `at`")
    details = raw.get("details")
    return Transition(
        id=_required_text(raw, "id"),
        job=_required_text(raw, "job"),
        attempt=_integer(raw.get("attempt"), 0),
        token=_integer(raw.get("token"), 0),
        builder=_text(raw.get("builder")) or "",
        step=_text(raw.get("step")),
        from_state=_step_state(raw, "from"),
        to_state=_step_state(raw, "to"),
        at=at,
        reason=_text(raw.get("reason")) or "",
        duration_seconds=number_from(raw.get("duration_seconds")),
        log=_text(raw.get("log")),
        details=details if isinstance(details, dict) else {},
    )


def duration_members(seconds: float | None) -> dict[str, object]:
    """How long something took, for JSON: whole seconds, with which shells can calculate, too."""
    whole = None if seconds is None else round(seconds)
    return {"duration_seconds": whole, _EXACT_DURATION: seconds}


def _duration(raw: Mapping[object, object]) -> float | None:
    whole, exact = (number_from(raw.get(k)) for k in ("duration_seconds", _EXACT_DURATION))
    # older programs change only the first
    return exact if exact is not None and whole is not None and round(exact) == whole else whole


def number_from(value: object) -> float | None:
    """A number that others wrote; None if it is not a number, or too large."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= _LARGEST else None


def _members(job: Job) -> dict[str, object]:
    return {
        "id": job.id,
        "type": job.type,
        "priority": job.priority,
        "branch": job.branch,
        "commit": job.commit,
        "dependencies": list(job.dependencies),
        "assigned_to": job.assigned_to,
        "status": _STATUS_OF_STATE[job.state],
        "created_at": format_time(job.created_at) if job.created_at else None,
        "started_at": format_time(job.started_at) if job.started_at else None,
        "completed_at": format_time(job.completed_at) if job.completed_at else None,
        "description": job.description,
        **duration_members(job.duration_seconds),
        "pipeline": job.pipeline,
        "params": dict(job.params),
        "labels": list(job.labels),
        "attempt": job.attempt,
        "token": job.token,
        "claim_id": job.claim_id,
        "max_attempts": job.max_attempts,
        "reason": job.reason,
        "state": job.state.value,
        "queued_by": job.queued_by,
        "trigger": job.trigger,
        "wanted_builder": job.wanted_builder,
        "held": job.held,
        "signature": job.signature,
        "reproduces": job.reproduces,
    }


def _request(job: Job) -> tuple[object, ...]:
    return (
        job.pipeline,
        job.type,
        job.priority,
        job.branch,
        job.commit,
        dict(job.params),
        job.labels,
        job.dependencies,
        job.description,
        job.max_attempts,
    )


def _state(raw: Mapping[object, object]) -> State:
    status = raw.get("status")
    state = _STATE_OF_STATUS.get(status) if isinstance(status, str) else None
    if state is None:
        raise Unreadable(f"has unknown status {str(status)[:80]!r}")
    for refined in _NEEDS_STATE_KEY:
        if raw.get("state") == refined.value and _STATUS_OF_STATE[refined] == status:
            return refined
    return state


def _step_state(raw: Mapping[object, object], key: str) -> State:
    try:
        return State(str(raw.get(key)))
    except ValueError as error:
        raise Unreadable(f"has an unknown state in `{key}`") from error


def _required_text(raw: Mapping[object, object], key: str) -> str:
    text = raw.get(key)
    if not isinstance(text, str) or not text:
        raise Unreadable(f"has no `{key}`")
    return text


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _texts(key: str, value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        # ignoring one could build a job too early, or on the wrong builder
        raise Unreadable(f"has `{key}` that is not a list of strings")
    return tuple(value)


def _params(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Unreadable("has `params` that is not an object")
    return {
        str(name): item if isinstance(item, str) else json.dumps(item)
        for name, item in value.items()
    }


def _integer(value: object, default: int) -> int:
    if type(value) is int and abs(value) <= _LARGEST:
        return value
    is_digits = isinstance(value, str) and value.isdecimal() and len(value) < _MOST_DIGITS
    number = number_from(int(str(value)) if is_digits else value)
    return default if number is None else int(number)

"""`<builder>/status.json`, `heartbeat.json`, `running-logs.json`: what a builder publishes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from coordination_tasks.documents import json_edit
from coordination_tasks.documents.codec import number_from
from coordination_tasks.documents.paths import heartbeat_path, status_path
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import BuilderProfile, Job
from coordination_tasks.domain.secret_scan import findings, note
from coordination_tasks.domain.step_log import LogTail, RunningLogs
from coordination_tasks.domain.timestamps import format_time, parse_time
from coordination_tasks.repository.heartbeats import own_place

IDLE, BUILDING, SUCCESS, FAILED = "idle", "building", "success", "failed"
FORMERLY_KEY = "formerly"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLoad:
    """Load of a builder's host: percent, GB, seconds since boot."""

    cpu_usage: float
    memory_used_gb: float
    disk_free_gb: float
    uptime_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BuilderStatus:
    """What a builder last published."""

    builder: str
    status: str
    """`idle`, `building`, `failed`, `success`, or another word of the file."""
    ip: str = ""
    address: str = ""
    """Destination for ssh."""
    manager: str = ""
    timestamp: datetime | None = None
    heartbeat_at: datetime | None = None
    current_job: Mapping[str, object] | None = None
    last_build: Mapping[str, object] | None = None
    system: Mapping[str, object] = field(default_factory=dict)
    heartbeats_at: str | None = None
    """The branch of its heartbeats; None in files of older programs."""
    lease: float | None = None
    """Seconds without a heartbeat after which others may take its job, by its own setting."""
    interval: float | None = None
    """Seconds between its heartbeats now; None: it publishes none."""
    instance: str = ""
    """See BuilderProfile; "" in files of earlier versions."""
    labels: Mapping[str, str] = field(default_factory=dict)
    formerly: tuple[str, ...] = ()
    """Ids that it had before it was renamed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """What a builder is about to publish. Without `last_build`, the file's own is kept."""

    status: str
    current_job: Mapping[str, object] | None = None
    last_build: Mapping[str, object] | None = None
    interval: float | None = None
    """Seconds between its heartbeats from now on; None: unknown."""


def status_data(
    old: bytes | None,
    profile: BuilderProfile,
    change: StatusChange,
    *,
    now: datetime,
    load: HostLoad | None,
) -> bytes:
    """The new content of status.json; other keys are kept. Raises BrokenDocument."""
    path = status_path(profile.id)
    text = "{}\n" if old is None else json_edit.decode(path, old)
    found = json_edit.parse_object(path, text)
    members: dict[str, object] = {
        "server": profile.id,
        "ip": profile.ip or found.get("ip", ""),
        "manager": profile.manager or found.get("manager", ""),
        "timestamp": format_time(now),
        "status": change.status,
        "current_job": change.current_job,
        "last_build": change.last_build or found.get("last_build"),
        "system": {**_mapping(found.get("system")), **_system(load)},
    }
    if profile.address:
        members["address"] = profile.address
    if profile.labels:
        members["labels"] = dict(profile.labels)
    if profile.heartbeats_at:
        heartbeat = {"branch": profile.heartbeats_at, "lease_seconds": profile.lease}
        every = {"interval_seconds": change.interval} if change.interval else {}
        instance = {"instance": profile.instance} if profile.instance else {}
        members["heartbeat"] = {**heartbeat, **every, **instance}
    return _written(text, found, members)


def heartbeat_data(
    old: bytes | None, profile: BuilderProfile, *, now: datetime, load: HostLoad | None
) -> bytes:
    """The new content of heartbeat.json; other keys are kept. Raises BrokenDocument."""
    path = heartbeat_path(profile.id)
    text = "{}\n" if old is None else json_edit.decode(path, old)
    found = json_edit.parse_object(path, text)
    uptime = load.uptime_seconds if load else found.get("uptime_seconds", 0)
    members = {
        "server": profile.id,
        "timestamp": format_time(now),
        "uptime_seconds": uptime,
        "healthy": True,
    }
    return _written(text, found, members)


def renamed_status(data: bytes, old: str, new: str) -> bytes:
    """The status of builder `old` under its new id. Raises BrokenDocument."""
    path = status_path(old)
    text = json_edit.decode(path, data)
    found = json_edit.parse_object(path, text)
    formerly = [name for name in read_status(old, data, None).formerly if name != new]
    members: dict[str, object] = {
        "server": new,
        "status": IDLE,
        "current_job": None,
        FORMERLY_KEY: [*formerly, old],
    }
    heartbeat = _mapping(found.get("heartbeat"))
    if heartbeat.get("branch") == own_place(old):
        members["heartbeat"] = {**heartbeat, "branch": own_place(new)}
    return _written(text, found, members)


CLAIM_KEY = "claim_id"
"""In `current_job` of heartbeats: the claim that the builder works for."""


def other_work(status: BuilderStatus, job: Job) -> str:
    """What a builder says that it does instead of building its claimed `job`; "": it builds it."""
    current = status.current_job
    if current is None:
        return f"is {status.status}"
    if current.get("id") != job.id:
        return f"builds job {current.get('id')}"
    claim = current.get(CLAIM_KEY)
    if claim is not None and claim != job.claim_id:
        return "builds it for another claim"
    return ""


def other_work_in(status: bytes, job: Job) -> str:
    """The same of a builder's status.json; "" as well when that cannot be read."""
    try:
        return other_work(read_status(job.assigned_to or "", status, None), job)
    except BrokenDocument:
        return ""


def current_job(job: Job) -> dict[str, object]:
    """The member `current_job` while this job is built."""
    return {
        "id": job.id,
        "branch": job.branch,
        "commit": job.commit,
        "started_at": format_time(job.started_at) if job.started_at else None,
    }


def read_status(builder: str, status: bytes, heartbeat: bytes | None) -> BuilderStatus:
    """What a builder published. Raises BrokenDocument; a broken heartbeat counts as missing."""
    path = status_path(builder)
    found = json_edit.parse_object(path, json_edit.decode(path, status))
    heartbeat_found = _mapping(found.get("heartbeat"))
    branch, lease = heartbeat_found.get("branch"), number_from(heartbeat_found.get("lease_seconds"))
    interval = number_from(heartbeat_found.get("interval_seconds"))
    names = found.get(FORMERLY_KEY)
    formerly = names if isinstance(names, list) else []
    return BuilderStatus(
        builder=builder,
        status=str(found.get("status") or "unknown"),
        ip=str(found.get("ip") or ""),
        address=str(found.get("address") or ""),
        manager=str(found.get("manager") or ""),
        timestamp=parse_time(found.get("timestamp")),
        heartbeat_at=_heartbeat_time(builder, heartbeat),
        current_job=_mapping(found.get("current_job")) or None,
        last_build=_mapping(found.get("last_build")) or None,
        system=_mapping(found.get("system")),
        heartbeats_at=branch if isinstance(branch, str) else None,
        lease=float(lease) if lease and lease > 0 else None,
        interval=float(interval) if interval and interval > 0 else None,
        instance=str(heartbeat_found.get("instance") or ""),
        labels={k: v for k, v in _mapping(found.get("labels")).items() if isinstance(v, str)},
        formerly=tuple(name for name in formerly if isinstance(name, str)),
    )


def running_logs_data(logs: RunningLogs) -> bytes:
    """The content of running-logs.json; no line of it looks like a secret, even as JSON."""
    document = {
        "job": logs.job,
        "attempt": logs.attempt,
        "at": format_time(logs.at) if logs.at else None,
        "steps": [
            {
                "step": tail.step,
                "first_line": tail.first_line,
                "lines": [_harmless(line) for line in tail.lines],
            }
            for tail in logs.tails
        ],
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def read_running_logs(data: bytes) -> RunningLogs | None:
    """What running-logs.json shows; None when it is unreadable."""
    try:
        found = json.loads(data)
        tails = tuple(
            LogTail(
                step=str(tail["step"]),
                first_line=int(tail["first_line"]),
                lines=tuple(map(str, tail["lines"])),
            )
            for tail in found["steps"]
        )
        job, attempt = str(found["job"]), int(found["attempt"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return RunningLogs(job=job, attempt=attempt, at=parse_time(found.get("at")), tails=tails)


def _harmless(line: str) -> str:
    found = next(findings(json.dumps(line, ensure_ascii=False)), None)
    return note(found.rule) if found else line


def _heartbeat_time(builder: str, data: bytes | None) -> datetime | None:
    path = heartbeat_path(builder)
    try:
        found = json_edit.parse_object(path, json_edit.decode(path, data or b"{}"))
    except BrokenDocument:
        return None
    return parse_time(found.get("timestamp"))


def _written(text: str, found: Mapping[str, object], members: Mapping[str, object]) -> bytes:
    changes = {k: value for k, value in members.items() if k not in found or found[k] != value}
    return json_edit.set_members(text, changes).encode("utf-8")


def _system(load: HostLoad | None) -> dict[str, object]:
    if load is None:
        return {}
    return {
        "cpu_usage": load.cpu_usage,
        "memory_used_gb": load.memory_used_gb,
        "disk_free_gb": load.disk_free_gb,
    }


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}

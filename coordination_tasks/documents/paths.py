"""Every path in the coordination repository. Job ids are data, so paths quote them.

Transitions are in one file per attempt, spread over 256 folders, so that no folder grows beyond the
limit of Git hosts (3,000 entries) and a write touches only small trees.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from urllib.parse import quote

JOBS = "coordination/jobs.json"
LOCKS = "coordination/locks.json"
DRAINS = "coordination/drains.json"
ALERTS = "coordination/alerts.json"
TRIGGERS = "coordination/triggers.json"
PUBLICATIONS = "coordination/publications.json"
EPOCH = "coordination/epoch.json"
MESSAGES = "coordination/messages.json"
TRANSITIONS = "coordination/transitions"
REQUESTS = "coordination/requests"
PLANS = "coordination/plans"
ARCHIVE = "coordination/archive"
"""Has a folder for each month: `2025-10`."""

_LONGEST_NAME = 150
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MANIFEST_FILE = re.compile(r"(.+)-(\d+)-manifest\.json", re.DOTALL)
_ATTEMPT_FILE = re.compile(r"(\d{3,})\.jsonl")


def status_path(builder: str) -> str:
    """The file in which a builder publishes its status."""
    return f"{builder}/status.json"


def heartbeat_path(builder: str) -> str:
    """The file of a builder's last heartbeat."""
    return f"{builder}/heartbeat.json"


def running_logs_path(builder: str) -> str:
    """The last lines of the steps that a builder runs, only in its heartbeats."""
    return f"{builder}/running-logs.json"


def trigger_looks_path(builder: str) -> str:
    """A builder's last look at each trigger, only in its heartbeats."""
    return f"{builder}/triggers.json"


def manifest_path(builder: str, job_id: str, attempt: int) -> str:
    """The manifest of an attempt."""
    return f"{logs_folder(builder)}/{quoted(job_id)}-{attempt}-manifest.json"


def logs_folder(builder: str) -> str:
    """The folder of a builder's logs and manifests."""
    return f"{builder}/logs"


def failure_log_path(builder: str, at: datetime) -> str:
    """The log of an attempt that failed at that time."""
    return f"{logs_folder(builder)}/{at.astimezone(UTC):%Y%m%dT%H%M%SZ}.log"


def job_of_manifest(file_name: str) -> tuple[str, int] | None:
    """Quoted job id and attempt of a manifest in `logs_folder`; None for other files."""
    found = _MANIFEST_FILE.fullmatch(file_name)
    return (found[1], int(found[2])) if found else None


def transitions_folder(job_id: str) -> str:
    """The folder of all attempts of a job."""
    return f"{TRANSITIONS}/{_digest(job_id)[:2]}/{quoted(job_id)}"


def transitions_path(job_id: str, attempt: int) -> str:
    """The transitions of one attempt, one JSON object per line."""
    return f"{transitions_folder(job_id)}/{attempt:03d}.jsonl"


def request_path(job_id: str) -> str:
    """What was requested of a job that is in the queue."""
    return f"{REQUESTS}/{_digest(job_id)[:2]}/{quoted(job_id)}.json"


def old_manifest_path(builder: str, quoted_id: str) -> str:
    """Where older programs look for the manifest of the job with this quoted id."""
    return f"{builder}/artifacts/{quoted_id}_manifest.json"


def archived_jobs_path(month: str, job_id: str, part: int) -> str:
    """A file of archived jobs, one JSON object per line; parts are numbered from 1."""
    return f"{ARCHIVE}/{month}/jobs/{_digest(job_id)[0]}-{part}.jsonl"


def archived_files_path(month: str, group: str, part: int) -> str:
    """A file of archived small files, one JSON object per line; parts are numbered from 1."""
    return f"{ARCHIVE}/{month}/files/{_digest(group)[0]}-{part}.jsonl"


def archived_messages_path(month: str, part: int) -> str:
    """A file of archived messages, one JSON object per line; parts are numbered from 1."""
    return f"{ARCHIVE}/{month}/messages/{part}.jsonl"


def archived_log_path(month: str, builder: str, name: str) -> str:
    """The archive path of a large file of `logs_folder`."""
    return f"{ARCHIVE}/{month}/logs/{builder}/{name}"


def plan_path(digest: str) -> str | None:
    """The plan with this SHA-256; None if it is not a digest."""
    return f"{PLANS}/{digest[:2]}/{digest}.json" if _DIGEST.fullmatch(digest) else None


def attempt_of(file_name: str) -> int | None:
    """The attempt of a file of `transitions_folder`; None for other files."""
    found = _ATTEMPT_FILE.fullmatch(file_name)
    return int(found[1]) if found else None


def quoted(job_id: str) -> str:
    """A job's id as a file name: unique, and safe for Git and file systems."""
    name = quote(_bytes(job_id), safe="").replace("~", "%7E")
    if name.startswith("."):
        name = "%2E" + name[1:]
    if len(name) <= _LONGEST_NAME:
        return name
    # no quoted id contains `=`, so a shortened one never equals a complete one
    return f"{name[:100]}={hashlib.sha256(_bytes(job_id)).hexdigest()[:32]}"


def _digest(name: str) -> str:
    """A hash whose first letters spread names evenly."""
    return hashlib.sha256(_bytes(name)).hexdigest()


def _bytes(job_id: str) -> bytes:
    return job_id.encode("utf-8", "surrogatepass")

"""Older programs that work on the same repository."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from coordination_tasks.documents.archive_files import Files
from coordination_tasks.documents.builder_status import read_status
from coordination_tasks.documents.paths import heartbeat_path, status_path
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import is_builder_id

_RECENT = timedelta(days=7)
"""Beyond any error of a clock: an older heartbeat is one of a program that was given up."""


def old_builders(files: Files, now: datetime, *, own: str) -> tuple[str, ...]:
    """Ids of the builders of older programs that published a heartbeat lately, besides `own`."""
    others = (name for name in files.names("") if is_builder_id(name) and name != own)
    return tuple(name for name in others if _is_old(files, name, now))


def old_manifest(data: bytes) -> bytes | None:
    """A manifest as older programs verify it: its paths are absolute; None: it has none."""
    try:
        manifest = json.loads(data)
        folder = PurePosixPath(manifest["build_dir"])
        for artifact in manifest["artifacts"]:
            artifact["path"] = str(folder / artifact["path"])
    except (ValueError, LookupError, TypeError):
        return None
    return (json.dumps(manifest, indent=2) + "\n").encode()


def _is_old(files: Files, builder: str, now: datetime) -> bool:
    heartbeat = files.read(heartbeat_path(builder))
    if heartbeat is None:
        return False
    try:
        status = read_status(builder, files.read(status_path(builder)) or b"{}", heartbeat)
    except BrokenDocument:
        return False
    is_ours = status.heartbeats_at is not None
    return not is_ours and status.heartbeat_at is not None and now - status.heartbeat_at < _RECENT

"""Old logs of steps, compressed by month so that they do not fill the disk."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from glob import escape
from pathlib import Path

from common.atomic_files import sync
from pipelines.workspace.layout import Workspace

ARCHIVE = "log-archive"
"""Folder in `state_dir`: `<month>/<folder of the job>/<log>.gz`."""


def old_logs(state_dir: Path, before: datetime, *, pack: bool) -> tuple[Path, ...]:
    """Logs of all jobs of this builder that were last written before this moment.

    With `pack` they are compressed and moved into the archive.
    """
    found = tuple(sorted(_old(state_dir, before.timestamp())))
    for log in found if pack else ():
        try:
            _pack(state_dir, log)
        except FileNotFoundError:
            continue  # another run was faster
    return found


def packed_log(state_dir: Path, log: Path) -> Path | None:
    """The packed form of a log of this builder; None when there is none."""
    job = log.parent.parent.name
    return next((state_dir / ARCHIVE).glob(f"*/{escape(job)}/{escape(log.name)}.gz"), None)


def logged_steps(workspace: Workspace) -> list[tuple[int, str]]:
    """Attempt and step of the logs in a workspace, oldest first."""
    logs = sorted(workspace.log("").parent.glob("*.log"), key=lambda log: log.stat().st_mtime)
    names = (log.stem.partition("-") for log in logs)
    return [(int(attempt), step) for attempt, _, step in names if attempt.isdecimal()]


def _old(state_dir: Path, before: float) -> Iterator[Path]:
    for log in (state_dir / "jobs").glob("*/logs/*.log"):
        try:
            if log.stat().st_mtime < before:
                yield log
        except FileNotFoundError:
            continue


def _pack(state_dir: Path, log: Path) -> None:
    written = log.stat().st_mtime
    month = datetime.fromtimestamp(written, UTC).strftime("%Y-%m")
    target = state_dir / ARCHIVE / month / log.parent.parent.name / f"{log.name}.gz"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    with log.open("rb") as source, gzip.open(partial, "wb") as packed:
        shutil.copyfileobj(source, packed)
    os.utime(partial, (written, written))
    sync(partial)
    partial.replace(target)
    for folder in (target.parent, target.parent.parent, state_dir / ARCHIVE, state_dir):
        sync(folder)  # a power cut must not take the packed log and its folder with it
    log.unlink()

"""`shared/build_metrics.json`: the rows by which older programs predict durations. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from common.states import State
from coordination_tasks.documents import json_edit
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.old_programs import old_builders

BUILD_METRICS = "shared/build_metrics.json"
_ROWS = "builds"
_MOST_ROWS = 1000
"""As many as the older programs keep."""
_NEW = json_edit.dump({_ROWS: [], "statistics": {}})


def add_row(draft: Draft, job: Job, builder: str, completion: Completion, at: datetime) -> None:
    """Add a row for a build that ended, and sum up all rows, while older programs use the file.

    A broken file is left as it is: the end of the build counts more.
    """
    data = draft.read(BUILD_METRICS)
    if job.state is State.CANCELLED or (data is None and not old_builders(draft, at, own=builder)):
        return
    try:
        draft.write(BUILD_METRICS, _with_row(data, _row(job, builder, completion, at)))
    except BrokenDocument as error:
        draft.note(f"{error}; no row for {job.id}")


def _with_row(data: bytes | None, row: Mapping[str, object]) -> bytes:
    text = _NEW if data is None else json_edit.decode(BUILD_METRICS, data)
    json_edit.parse_object(BUILD_METRICS, text)
    rows = json_edit.member(text, _ROWS)
    if rows is None or not isinstance(rows.value, list):
        raise BrokenDocument(f"{BUILD_METRICS} is broken: `{_ROWS}` is not an array")
    text = json_edit.append_element(text, rows.start, row)
    known = [*rows.value, row]
    text = json_edit.remove_elements(text, rows.start, range(len(known) - _MOST_ROWS))
    summed_up = _statistics(each for each in known[-_MOST_ROWS:] if isinstance(each, dict))
    for name, value in summed_up.items():
        text = json_edit.set_entry(text, "statistics", name, value)
    return text.encode("utf-8")


def _row(job: Job, builder: str, completion: Completion, at: datetime) -> dict[str, object]:
    return {
        "job_id": job.id,
        "server": builder,
        "branch": job.branch,
        "commit": job.commit,
        "duration_seconds": round(job.duration_seconds or 0),
        "status": "completed" if job.state is State.SUCCEEDED else "failed",
        "timestamp": format_time(at),
        "hour_of_day": at.hour,
        "day_of_week": at.isoweekday(),
        "artifacts": {
            "count": len(completion.artifacts),
            "size_bytes": _size(completion.manifest),
        },
    }


def _size(manifest: bytes | None) -> int:
    try:
        found = json.loads(manifest or b"{}")["total_size_bytes"]
    except (ValueError, LookupError, TypeError):
        return 0
    return found if isinstance(found, int) else 0


def _statistics(rows: Iterable[Mapping[str, object]]) -> dict[str, object]:
    known = [row for row in rows if isinstance(row.get("duration_seconds"), int | float)]

    def by(key: str, sum_up: Callable[[list[Mapping[str, object]]], object]) -> dict[str, object]:
        groups: dict[str, list[Mapping[str, object]]] = defaultdict(list)
        for row in known:
            groups[str(row.get(key))].append(row)
        return {name: sum_up(group) for name, group in sorted(groups.items())}

    return {
        "by_branch": by("branch", lambda group: _times(group) | _extremes(group) | _rate(group)),
        "by_server": by("server", lambda group: _times(group) | _rate(group)),
        "by_hour": by("hour_of_day", _times),
        "by_day_of_week": by("day_of_week", _times),
    }


def _seconds(group: Iterable[Mapping[str, object]]) -> list[float]:
    found = (row["duration_seconds"] for row in group)
    return [seconds for seconds in found if isinstance(seconds, int | float)]


def _times(group: list[Mapping[str, object]]) -> dict[str, object]:
    seconds = _seconds(group)
    return {"count": len(group), "avg_duration": round(sum(seconds) / len(seconds), 1)}


def _extremes(group: list[Mapping[str, object]]) -> dict[str, object]:
    seconds = _seconds(group)
    return {"min_duration": min(seconds), "max_duration": max(seconds)}


def _rate(group: list[Mapping[str, object]]) -> dict[str, object]:
    good = sum(row.get("status") == "completed" for row in group)
    return {"success_rate": round(100 * good / len(group), 1)}

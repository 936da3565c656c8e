"""`doit status`: what each builder does, what waits, what ended; or one job, step by step."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.cli.command import OPTION_JSON, tell
from common.states import State
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.commands.base import FarmCommand, as_json, job_argument
from coordination_tasks.commands.jobs.jobs import job_as_json
from coordination_tasks.commands.views.farm_page import (
    MOST_BUILDERS,
    MOST_ENDED,
    MOST_WAITING,
    builders_section,
    ended_section,
    waiting_section,
    work_of,
)
from coordination_tasks.commands.views.farm_view import (
    FarmView,
    read_farm,
    status_of,
    why_it_waits,
)
from coordination_tasks.commands.views.job_filter import (
    FILTER_OPTIONS,
    JobFilter,
    checked_limit,
    job_filter,
    newest,
)
from coordination_tasks.commands.views.job_page import (
    attempt_section,
    failure_lines,
    request_lines,
)
from coordination_tasks.commands.views.output import write_lines, write_section
from coordination_tasks.commands.views.prediction import Durations
from coordination_tasks.documents.drains import title
from coordination_tasks.domain.errors import BadRequest, BrokenDocument, NotFound
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.domain.next_step import next_step
from coordination_tasks.domain.timestamps import format_time, utc_now
from coordination_tasks.farm.presence.overview import FarmOverview
from coordination_tasks.store.history import GitHistory
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.wiring.outage import Outage
from coordination_tasks.wiring.reading import Reading, farm_overview, open_reading

if TYPE_CHECKING:
    from coordination_tasks.farm.artifacts.releases.reproductions import Reproduction

_WATCH_SECONDS = 5.0
_CLEAR = "\x1b[H\x1b[2J\x1b[3J"


class StatusCommand(FarmCommand):
    """doit command."""

    name = "status"
    doc_purpose = "show builders, running, waiting and ended jobs; or one job, step by step"
    doc_usage = (
        "[JOB] [--state STATE] [--branch NAME] [--pipeline NAME] [--builder ID] [--since TIME]"
        " [--limit N] [--watch] [--at TIME|COMMIT] [--json]"
    )
    doc_description = """
Shows builders with the jobs that they run, then waiting jobs in the order in which they will be
claimed, then those that ended last. With JOB (or --job JOB): what was requested, by whom, each
step of each attempt, and what to do about a failure.

`--at` shows everything as it was in the coordination repository at that time (UTC unless it has a
zone, such as 2025-10-29T12:00:00Z) or at that commit of it.

A builder is alive while its heartbeat changes, as observed from this machine: the first call
cannot know, the next one can. It is late without a heartbeat for three of the intervals that it
publishes, and silent without one for its lease. Self-reported health is ignored.

While the coordination repository cannot be reached, shows what this host read last.

Exit codes: 0 shown, 1 cannot reach the coordination repository, and nothing was read before, or a
document in it is broken (the others are shown), 3 bad configuration, bad usage, unknown job or
commit, or a time before the first commit.
"""
    group = "look"
    completes = "jobs"
    cmd_options = (
        {"name": "job", "long": "job", "type": str, "default": "",
         "help": "show this job, like the argument JOB"},
        *FILTER_OPTIONS,
        {"name": "limit", "long": "limit", "type": int, "default": None,
         "help": "at most N lines of each kind, 0: all [default: 40 builders, 20 waiting, 10 ended;"
                 " all in JSON]"},
        {"name": "watch", "long": "watch", "type": bool, "default": False,
         "help": "show it again every 5 s, until Ctrl-C"},
        {"name": "at", "long": "at", "type": str, "default": "",
         "help": "show the farm at this time or commit of the coordination repository"},
        OPTION_JSON,
    )  # fmt: skip

    def _execute(
        self,
        job: str,
        limit: int | None,
        watch: bool,
        at: str,
        json: bool,
        pos_args: list[str],
        **selection: Any,
    ) -> int:
        job = job_argument(job, pos_args)
        config = self.farm.config()
        if job_filter(utc_now(), **selection) != JobFilter() and job:
            raise BadRequest("JOB and the options that select jobs exclude each other")
        if watch and (json or at):
            raise BadRequest(f"--watch and {'--json' if json else '--at'} exclude each other")
        limit = None if limit is None else checked_limit(limit)
        while True:
            if watch and sys.stdout.isatty():
                sys.stdout.write(_CLEAR)
            chosen = job_filter(utc_now(), **selection)
            code = self._show(config, at, job, chosen, limit, json)
            sys.stdout.flush()
            if not watch:
                return code
            time.sleep(_WATCH_SECONDS)
            write_lines([""])

    def _show(
        self,
        config: BuilderConfig,
        at: str,
        job: str,
        chosen: JobFilter,
        limit: int | None,
        json: bool,
    ) -> int:
        with _opened(config, at) as (reading, moment):
            snapshot, outage = reading.snapshot, reading.outage
            if at and not json:
                write_lines([f"as of {_shown(moment)}, commit {snapshot.version}", ""])
            self.show_outage(outage, json=json)
            live = None if at or outage else farm_overview(config, snapshot)
            origin = _origin(snapshot, outage, moment)
            if job:
                signers = config.allowed_signers
                return _show_job(snapshot, origin, live, signers, job=job, json=json)
            farm = read_farm(snapshot, live, chosen, config.lease, _tell)
        if json:
            _write_json(origin | _farm_report(farm, limit or 0))
        else:
            _print_farm(farm, moment or utc_now(), limit)
        return BrokenDocument.exit_code if farm.broken else 0


@contextmanager
def _opened(config: BuilderConfig, at: str) -> Iterator[tuple[Reading, datetime | None]]:
    """The store as it is, or as it was with the start of that version."""
    if not at:
        with open_reading(config, tell) as reading:
            yield reading, None
        return
    with GitHistory(config.coordination_repository, config.state_dir / "history") as history:
        version = history.find(at)
        snapshot = history.snapshot(version)
        yield Reading(snapshot=snapshot, outage=None), history.time_of(version)


def _show_job(
    snapshot: Snapshot,
    origin: Mapping[str, Any],
    live: FarmOverview | None,
    signers: Path | None,
    *,
    job: str,
    json: bool,
) -> int:
    found = snapshot.job(job)
    for problem in snapshot.unreadable_transitions(job):
        _tell(problem)
    transitions = snapshot.transitions(job)
    now = origin["at"]["time"] or utc_now()
    durations = Durations(snapshot.jobs() if found.state is State.RUNNING else ())
    again = reproductions_of(snapshot, found, signers)
    if json:
        left = durations.left(found, now)
        told = job_report(found, transitions, left)
        _write_json({**origin, **told, **reproductions_report(found, again)})
    else:
        _print_job(found, transitions, _work(snapshot, live, found, now, durations), now)
        write_lines(one.text for one in again)
    return 0


def reproductions_report(job: Job, again: Iterable[Reproduction]) -> dict[str, Any]:
    """Which job it makes again, and the jobs that made its artifacts again."""
    return {
        "reproduces": job.reproduces or None,
        "reproduced": [one.as_json() for one in again],
    }


def reproductions_of(
    snapshot: Snapshot, job: Job, signers: Path | None
) -> tuple[Reproduction, ...]:
    """The jobs that made the artifacts of a job again; none if its manifest does not count."""
    if not snapshot.reproducing(job.id):
        return ()
    # seldom needed, and slow to import
    from coordination_tasks.farm.artifacts.published import find_published  # noqa: PLC0415
    from coordination_tasks.farm.artifacts.releases.reproductions import (  # noqa: PLC0415
        reproductions,
    )

    with suppress(NotFound, BrokenDocument):  # `doit verify` says what is wrong
        return reproductions(snapshot, find_published(snapshot, job.id), signers)
    return ()


def _work(
    snapshot: Snapshot,
    live: FarmOverview | None,
    job: Job,
    now: datetime,
    durations: Durations,
) -> str:
    if live is None or job.state is not State.RUNNING or not job.assigned_to:
        return ""
    with suppress(BrokenDocument):
        return work_of(status_of(snapshot, live, job.assigned_to), job, now, durations)
    return ""


def _tell(line: str) -> None:
    tell(f"doit status: {line}")


def _write_json(value: Any) -> None:
    sys.stdout.write(as_json(value) + "\n")


def _shown(moment: datetime | None) -> str:
    return format_time(moment) if moment else "-"


def _origin(snapshot: Snapshot, outage: Outage | None, moment: datetime | None) -> dict[str, Any]:
    return {
        "at": {
            "commit": snapshot.version,
            "time": moment,
            "as_of": outage.as_of if outage else None,
            "unreachable_since": outage.since if outage else None,
        }
    }


def farm_report(snapshot: Snapshot, farm: FarmView, outage: Outage | None) -> dict[str, Any]:
    """The farm now, for programs."""
    return _origin(snapshot, outage, None) | _farm_report(farm, 0)


def _farm_report(farm: FarmView, limit: int) -> dict[str, Any]:
    return {
        "builders": [
            {
                "builder": shown.status.builder,
                "liveness": shown.presence.liveness if shown.presence else None,
                "still_for_seconds": shown.presence.still_for_seconds if shown.presence else None,
                "late": shown.late,
                "status": shown.status.status,
                "drained": asdict(shown.drain) if shown.drain else None,
                "current_job": shown.status.current_job,
                "last_build": shown.status.last_build,
                "system": shown.status.system,
                "heartbeat_at": shown.status.heartbeat_at,
            }
            for shown in farm.builders
        ],
        "jobs": [job_as_json(job) for job in newest(farm.jobs or (), limit)],
    }


def job_report(job: Job, transitions: tuple[Transition, ...], left: float | None) -> dict[str, Any]:
    """A job with its records, for programs; `left` are the seconds that it will still take."""
    following = next_step(job, transitions)
    return {
        **job_as_json(job),
        "queued_by": job.queued_by or None,
        "description": job.description,
        "params": job.params,
        "next": asdict(following) if following else None,
        "transitions": [
            {
                "attempt": t.attempt,
                "step": t.step,
                "from": t.from_state.value,
                "to": t.to_state.value,
                "at": t.at,
                "builder": t.builder,
                "reason": t.reason,
                "duration_seconds": t.duration_seconds,
                "log": t.log,
                "details": t.details,
            }
            for t in transitions
        ],
        "left_seconds": None if left is None else round(left, 1),
    }


def _print_farm(farm: FarmView, now: datetime, limit: int | None) -> None:
    running, waiting, ended = farm.running, farm.waiting, farm.ended
    builders = builders_section(
        farm.builders,
        running,
        now,
        MOST_BUILDERS if limit is None else limit,
        farm.durations,
    )
    if builders.rows:
        write_section(builders)
    else:
        write_lines(["no builder matches" if farm.offers else "no builder has reported yet"])
    write_lines(f"{title(drain.builder)}: {drain}" for drain in farm.drains.values())
    if farm.jobs is None:
        return
    write_lines(["", f"{len(running)} running, {len(waiting)} waiting, {len(ended)} ended"])
    if waiting:
        why = why_it_waits(farm)
        write_lines([""])
        write_section(waiting_section(waiting, now, why, MOST_WAITING if limit is None else limit))
    if ended:
        write_lines([""])
        write_section(ended_section(ended, now, MOST_ENDED if limit is None else limit))


def _print_job(job: Job, transitions: tuple[Transition, ...], steps: str, now: datetime) -> None:
    write_lines(request_lines(job, steps, now))
    for number in sorted({t.attempt for t in transitions}):
        write_lines(["", f"attempt {number}"])
        write_section(attempt_section(number, transitions))
        for transition in transitions:
            if transition.attempt == number and transition.details.get("code"):
                write_lines(["", *failure_lines(transition)])
    if following := next_step(job, transitions):
        write_lines(["", *following.lines])

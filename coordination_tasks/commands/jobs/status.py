"""`doit status`: what each builder does, and what happened in a job, step by step."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.states import State
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.jobs.jobs import job_as_json, life, print_jobs
from coordination_tasks.commands.tables import console
from coordination_tasks.documents.builder_status import BuilderStatus
from coordination_tasks.documents.drains import Drain, drain_of
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.domain.timestamps import elapsed, format_time, utc_now
from coordination_tasks.farm.presence.observations import Presence
from coordination_tasks.farm.presence.overview import FarmOverview
from coordination_tasks.store.history import GitHistory
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.wiring.reading import farm_overview, open_snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A builder, as shown."""

    status: BuilderStatus
    presence: Presence | None
    """Whether it is alive; None when the past is shown."""
    drain: Drain | None
    """The drain that keeps it from claiming; None when it claims."""


class StatusCommand(FarmCommand):
    """doit command."""

    name = "status"
    doc_purpose = "show builders and queue, or the steps of a job with --job"
    doc_usage = "[--job ID] [--at TIME|COMMIT] [--json]"
    doc_description = """
`--at` shows everything as it was in the coordination repository at that time (UTC unless it has a
zone, such as 2025-10-29T12:00:00Z) or at that commit of it.

A builder is alive while its heartbeat changes, as observed from this machine: the first call
cannot know, the next one can. Self-reported health is ignored.

Exit codes: 0 shown, 1 cannot reach the coordination repository or a document in it is broken
(the others are shown), 3 bad configuration, bad usage, unknown job or commit, or a time before the
first commit.
"""
    group = "look"
    cmd_options = (
        {"name": "job", "long": "job", "type": str, "default": "", "help": "id of a job"},
        {"name": "at", "long": "at", "type": str, "default": "",
         "help": "show the farm at this time or commit of the coordination repository"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(self, job: str, at: str, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        config = self.farm.config(builder)
        with _opened(config, at) as (snapshot, moment):
            if at and not json:
                console().print(f"as of {_shown(moment)}, commit {snapshot.version}\n")
            if job:
                return _show_job(snapshot, moment, job=job, json=json)
            live = None if at else farm_overview(config, snapshot)
            return _show_farm(snapshot, moment, live, json=json)


@contextmanager
def _opened(config: BuilderConfig, at: str) -> Iterator[tuple[Snapshot, datetime | None]]:
    """The store as it is, or as it was with the start of that version."""
    if not at:
        with open_snapshot(config, tell) as snapshot:
            yield snapshot, None
        return
    with GitHistory(config.coordination_repository, config.state_dir / "history") as history:
        version = history.find(at)
        yield history.snapshot(version), history.time_of(version)


def _show_job(snapshot: Snapshot, moment: datetime | None, *, job: str, json: bool) -> int:
    found = snapshot.job(job)
    for problem in snapshot.unreadable_transitions(job):
        tell(f"doit status: {problem}")
    transitions = snapshot.transitions(job)
    if json:
        _write_json(_origin(snapshot, moment) | _job_report(found, transitions))
    else:
        _print_job(found, transitions)
    return 0


def _show_farm(
    snapshot: Snapshot, moment: datetime | None, live: FarmOverview | None, *, json: bool
) -> int:
    broken: list[BrokenDocument] = []
    builders: list[Shown] = []
    drains: Mapping[str, Drain] = {}
    with _told(broken):
        drains = snapshot.drains()
    for name in live.names(snapshot.builders()) if live else snapshot.builders():
        with _told(broken):
            status, presence = _shown_builder(snapshot, live, name)
            drain = drain_of(drains, name)
            builders.append(Shown(status=status, presence=presence, drain=drain))
    jobs: tuple[Job, ...] | None = None
    with _told(broken):
        jobs = snapshot.jobs()
        for problem in snapshot.unreadable_jobs():
            tell(f"doit status: {problem}")
    if json:
        _write_json(_origin(snapshot, moment) | _farm_report(builders, jobs or ()))
    else:
        _print_farm(builders, drains.values(), jobs)
    return BrokenDocument.exit_code if broken else 0


@contextmanager
def _told(broken: list[BrokenDocument]) -> Iterator[None]:
    """Report a broken document, and show the others."""
    try:
        yield
    except BrokenDocument as error:
        broken.append(error)
        tell(f"doit status: {error}")


def _write_json(value: Any) -> None:
    sys.stdout.write(as_json(value) + "\n")


def _shown(moment: datetime | None) -> str:
    return format_time(moment) if moment else "-"


def _origin(snapshot: Snapshot, moment: datetime | None) -> dict[str, Any]:
    return {"at": {"commit": snapshot.version, "time": moment}}


def _shown_builder(
    snapshot: Snapshot, live: FarmOverview | None, name: str
) -> tuple[BuilderStatus, Presence | None]:
    if live is None:
        return snapshot.builder_status(name), None
    published = snapshot.builder_status(name) if name in snapshot.builders() else None
    status = live.status_of(name, published)
    return status, live.presence_of(status, utc_now())


def _farm_report(builders: Sequence[Shown], jobs: Sequence[Job]) -> dict[str, Any]:
    return {
        "builders": [
            {
                "builder": shown.status.builder,
                "liveness": shown.presence.liveness if shown.presence else None,
                "still_for_seconds": shown.presence.still_for_seconds if shown.presence else None,
                "status": shown.status.status,
                "drained": asdict(shown.drain) if shown.drain else None,
                "current_job": shown.status.current_job,
                "last_build": shown.status.last_build,
                "system": shown.status.system,
                "heartbeat_at": shown.status.heartbeat_at,
            }
            for shown in builders
        ],
        "jobs": [job_as_json(job) for job in jobs],
    }


def _job_report(job: Job, transitions: tuple[Transition, ...]) -> dict[str, Any]:
    return {
        **job_as_json(job),
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
    }


def _print_farm(
    builders: Sequence[Shown], drains: Iterable[Drain], jobs: Sequence[Job] | None
) -> None:
    """`jobs` is None when they are unreadable."""
    out = console()
    table = Table("builder", "status", "job", "last build", "last heartbeat", box=None)
    for shown in builders:
        status = shown.status
        table.add_row(
            Text(status.builder),
            Text(f"{status.status}, drained" if shown.drain else status.status),
            Text(_job_and_steps(status.current_job or {})),
            Text(_last_build(status.last_build)),
            Text(_life(status, shown.presence)),
        )
    out.print(table if table.row_count else "no builder has reported yet")
    for drain in drains:
        out.print(Text(f"{drain.builder} {drain}"))
    if jobs is None:
        return
    out.print()
    print_jobs(jobs, {s.status.builder: s.presence for s in builders if s.presence})


def _job_and_steps(job: Mapping[str, Any]) -> str:
    steps = job.get("steps")
    running = f": {', '.join(map(str, steps))}" if isinstance(steps, list) and steps else ""
    return f"{job.get('id', '-')}{running}"


def _life(status: BuilderStatus, presence: Presence | None) -> str:
    return _shown(status.heartbeat_at) if presence is None else life(presence)


def _last_build(build: Any) -> str:
    return f"{build.get('id')} {build.get('status')}" if build else "-"


def _print_job(job: Job, transitions: tuple[Transition, ...]) -> None:
    out = console()
    print_jobs([job])
    last = {(t.attempt, t.step): t for t in transitions}
    for number in sorted({t.attempt for t in transitions}):
        out.print(f"\nattempt {number}")
        table = Table("step", "state", "time", "reason", box=None)
        for transition in transitions:
            runs = transition.step and transition is last.get((number, transition.step))
            if transition.attempt == number and (runs or transition.to_state is not State.RUNNING):
                seconds = transition.duration_seconds
                table.add_row(
                    Text(transition.step or "(job)"),
                    Text(transition.to_state),
                    elapsed(seconds) if seconds is not None else "",
                    Text(_why(transition)),
                )
        out.print(table)
        for transition in transitions:
            if transition.attempt == number and transition.details.get("code"):
                out.print(Text(f"\n{_failure(transition)}"))


def _why(transition: Transition) -> str:
    since = f"since {format_time(transition.at)}: " if transition.to_state is State.RUNNING else ""
    return f"{since}{transition.reason}"


def _failure(transition: Transition) -> str:
    """How to continue after a failure; the reason is in the table."""
    retry = ", a retry may help" if transition.details.get("retryable") else ""
    log = f"; log: {transition.log}" if transition.log else ""
    return f"{transition.step or 'job'}: {transition.details['code']}{retry}{log}"

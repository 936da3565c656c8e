"""Whether the coordination repository agrees with this builder's outbox."""

from __future__ import annotations

from collections.abc import Iterator

from coordination_tasks.builder.outbox.journal import Entry, Outbox
from coordination_tasks.domain.errors import BrokenDocument, NotFound
from coordination_tasks.fsck.finding import Finding
from coordination_tasks.store.operations.attempt import is_recorded
from coordination_tasks.store.snapshot import Snapshot

PLACE = "outbox"


def check_outbox(snapshot: Snapshot, outbox: Outbox) -> Iterator[Finding]:
    """Refused entries, and waiting ones that will be refused or that show that main was reset.

    Raises NotDurable, and BrokenDocument when the queue itself is unreadable.
    """
    for entry in outbox.refused():
        if is_told(snapshot, entry):
            yield _told(entry)
            continue
        yield Finding(
            path=PLACE,
            problem=f"{_title(entry)} was refused: {entry.refused}",
            remedy=f"doit outbox --retry {entry.id}, or doit outbox --drop {entry.id}",
        )
    for entry in outbox.pending():
        yield from _check_waiting(snapshot, entry)


def _check_waiting(snapshot: Snapshot, entry: Entry) -> Iterator[Finding]:
    fence = entry.command.fence
    if is_told(snapshot, entry):
        yield _told(entry)
        return
    try:
        job = snapshot.job(entry.job)
    except NotFound:
        problem = "waits, but the job does not exist"
        remedy = "doit outbox --send; it will be refused and kept until you drop it"
    except BrokenDocument:
        return  # reported with the document
    else:
        if job.token == fence.token:
            return
        problem = f"waits with fencing token {fence.token}, but the job has {job.token}"
        remedy = "doit outbox --send; it will be refused and kept until you drop it"
        if job.token < fence.token:
            problem += ": main was reset to an older state"
            remedy = "have the lost commits pushed again, then doit outbox --send"
    yield Finding(path=PLACE, problem=f"{_title(entry)} {problem}", remedy=remedy)


def is_told(snapshot: Snapshot, entry: Entry) -> bool:
    """Whether everything in the entry is recorded. Raises BrokenDocument."""
    command = entry.command
    recorded = snapshot.transitions(entry.job, command.fence.attempt)
    return is_recorded(command, {transition.id for transition in recorded})


def _told(entry: Entry) -> Finding:
    return Finding(
        path=PLACE,
        problem=f"{_title(entry)} waits, but is already recorded",
        remedy="doit fsck --repair or doit outbox --send drops it",
    )


def _title(entry: Entry) -> str:
    return f"{PLACE}: {entry.name} of job {entry.job} attempt {entry.command.fence.attempt}"

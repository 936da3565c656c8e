"""Whether the coordination repository agrees with what this builder still has to tell."""

from __future__ import annotations

from collections.abc import Iterator

from coordination_tasks.builder.outbox.journal import Entry, Outbox
from coordination_tasks.domain.errors import BrokenDocument, NotFound
from coordination_tasks.fsck.finding import Finding
from coordination_tasks.store.operations.attempt import is_recorded
from coordination_tasks.store.snapshot import Snapshot

PLACE = "outbox"


def check_outbox(snapshot: Snapshot, outbox: Outbox) -> Iterator[Finding]:
    """Entries that were refused, and waiting ones that will be, or that tell of a rewound main.

    Raises NotDurable, and BrokenDocument when the queue itself can't be read.
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
        problem = "waits, but the job is not there"
        remedy = "doit outbox --send; it is refused then and kept until you drop it"
    except BrokenDocument:
        return  # told with the document
    else:
        if job.token == fence.token:
            return
        problem = f"waits with token {fence.token}, but the job has {job.token}"
        remedy = "doit outbox --send; it is refused then and kept until you drop it"
        if job.token < fence.token:
            problem += ": main was rewound"
            remedy = "ask who force-pushed to push the lost commits again, then doit outbox --send"
    yield Finding(path=PLACE, problem=f"{_title(entry)} {problem}", remedy=remedy)


def is_told(snapshot: Snapshot, entry: Entry) -> bool:
    """Whether all that the entry has to tell is recorded. Raises BrokenDocument."""
    command = entry.command
    recorded = snapshot.transitions(entry.job, command.fence.attempt)
    return is_recorded(command, {transition.id for transition in recorded})


def _told(entry: Entry) -> Finding:
    return Finding(
        path=PLACE,
        problem=f"{_title(entry)} waits, but is recorded already",
        remedy="doit fsck --repair drops it; doit outbox --send does, too",
    )


def _title(entry: Entry) -> str:
    return f"{PLACE}: {entry.name} of job {entry.job} attempt {entry.command.fence.attempt}"

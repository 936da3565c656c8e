"""Applies many writes to one draft, each as if it were alone, in a time that is linear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from coordination_tasks.domain.errors import (
    BrokenDocument,
    CoordinationError,
    HistoryRewritten,
    Unavailable,
)
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.operations.attempt import apply_write
from coordination_tasks.store.status_publisher import Publisher
from coordination_tasks.store.writes import Record, Write

_OF_THE_STORE = (BrokenDocument, HistoryRewritten, Unavailable)
"""What is wrong with the store, not with the write that met it."""


def apply_all(
    draft: Draft, writes: Sequence[Write], publisher: Publisher
) -> tuple[CoordinationError | None, ...]:
    """Do the writes in order; for each None, or the error that it alone met (it changed nothing).

    Raises BrokenDocument, HistoryRewritten, Unavailable.
    """
    results: list[CoordinationError | None] = []
    for group in _groups(writes):
        # Each write reads the attempt's whole record, so a thousand of one attempt go as one.
        error = _apply(draft, _joined(group), publisher)
        if error is None or len(group) == 1:
            results += [error] * len(group)
        else:
            results += [_apply(draft, write, publisher) for write in group]
    return tuple(results)


def _apply(draft: Draft, write: Write, publisher: Publisher) -> CoordinationError | None:
    inner = draft.attempt()
    try:
        apply_write(inner, write, publisher)
    except _OF_THE_STORE:
        raise
    except CoordinationError as error:
        return error
    draft.absorb(inner)
    return None


def _groups(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """Neighbours that can be done as one write."""
    group: list[Write] = []
    for write in writes:
        if group and not _continues(group[-1], write):
            yield group
            group = []
        group.append(write)
    if group:
        yield group


def _continues(before: Write, write: Write) -> bool:
    if not (isinstance(before, Record) and isinstance(write, Record)):
        return False
    return before.fence == write.fence and write.plan is None


def _joined(group: Sequence[Write]) -> Write:
    first, *others = group
    if not (others and isinstance(first, Record)):
        return first
    records = [write for write in group if isinstance(write, Record)]
    return replace(first, transitions=tuple(t for record in records for t in record.transitions))

"""Applies many commands to one draft, each as if it were alone, in linear time."""

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
from coordination_tasks.store.attempt_commands import AttemptCommand, Record
from coordination_tasks.store.operations.attempt import apply_command
from coordination_tasks.store.status_publisher import Publisher

_OF_THE_STORE = (BrokenDocument, HistoryRewritten, Unavailable)
"""Errors of the store, not of the command that met them."""


def apply_all(
    draft: Draft, commands: Sequence[AttemptCommand], publisher: Publisher
) -> tuple[CoordinationError | None, ...]:
    """Apply the commands in order; for each None, or its own error (then it changed nothing).

    Raises BrokenDocument, HistoryRewritten, Unavailable.
    """
    results: list[CoordinationError | None] = []
    for group in _groups(commands):
        # Each command reads the attempt's whole record, so a thousand of one attempt become one.
        error = _apply(draft, _joined(group), publisher)
        if error is None or len(group) == 1:
            results += [error] * len(group)
        else:
            results += [_apply(draft, command, publisher) for command in group]
    return tuple(results)


def _apply(draft: Draft, command: AttemptCommand, publisher: Publisher) -> CoordinationError | None:
    inner = draft.attempt()
    try:
        apply_command(inner, command, publisher)
    except _OF_THE_STORE:
        raise
    except CoordinationError as error:
        return error
    draft.absorb(inner)
    return None


def _groups(commands: Sequence[AttemptCommand]) -> Iterator[list[AttemptCommand]]:
    """Neighbours that can be combined into one command."""
    group: list[AttemptCommand] = []
    for command in commands:
        if group and not _continues(group[-1], command):
            yield group
            group = []
        group.append(command)
    if group:
        yield group


def _continues(before: AttemptCommand, command: AttemptCommand) -> bool:
    if not (isinstance(before, Record) and isinstance(command, Record)):
        return False
    return before.fence == command.fence and command.plan is None


def _joined(group: Sequence[AttemptCommand]) -> AttemptCommand:
    first, *others = group
    if not (others and isinstance(first, Record)):
        return first
    records = [command for command in group if isinstance(command, Record)]
    return replace(first, transitions=tuple(t for record in records for t in record.transitions))

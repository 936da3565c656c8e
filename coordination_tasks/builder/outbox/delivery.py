"""Sends many commands in one write, and isolates those that block the others with few pushes.

A hook of the remote, or the scan for secrets, rejects a push as a whole. Halving finds one bad
command among 1,000 with 21 pushes; a remote that rejects everything is given up after 14.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from coordination_tasks.domain.errors import (
    AccessDenied,
    AllRefused,
    CoordinationError,
    NotSent,
    SecretFound,
    Unavailable,
    WriteRefused,
)
from coordination_tasks.store.attempt_commands import AttemptCommand

_ENOUGH = 3
"""After so many single refusals without a success, the rest is only tried together."""

Answers = tuple[CoordinationError | None, ...]
"""For each command None, or the error that refused it."""


class Recipient(Protocol):
    """The recipient of a delivery: coordination_tasks.store.Store."""

    def send(self, commands: Sequence[AttemptCommand]) -> Answers:
        """See Store.send."""
        ...


def deliver(commands: Sequence[AttemptCommand], recipient: Recipient) -> Answers:
    """Send everything in one write, and refused parts in ever smaller ones.

    Raises NotSent, AccessDenied, BrokenDocument, HistoryRewritten, and AllRefused when the remote
    accepted no command at all.
    """
    return _Delivery(recipient).deliver(commands)


class _Delivery:
    def __init__(self, recipient: Recipient) -> None:
        self._recipient = recipient
        self._refusals: list[WriteRefused] = []
        self._taken = False

    def deliver(self, commands: Sequence[AttemptCommand]) -> Answers:
        answers = self._deliver(commands)
        if self._refusals and not self._taken:
            raise AllRefused(self._refusals[0].cause) from self._refusals[0]
        return answers

    def _deliver(self, commands: Sequence[AttemptCommand]) -> Answers:
        try:
            answers = self._send(commands)
        except (WriteRefused, SecretFound) as error:
            if len(commands) == 1:
                return (self._note(error),)
            if self._is_hopeless and isinstance(error, WriteRefused):
                raise AllRefused(error.cause) from error
            middle = len(commands) // 2
            return self._deliver(commands[:middle]) + self._deliver(commands[middle:])
        self._taken = self._taken or None in answers
        return answers

    def _send(self, commands: Sequence[AttemptCommand]) -> Answers:
        try:
            return self._recipient.send(commands)
        except AccessDenied:
            raise
        except Unavailable as error:
            raise NotSent(error.cause) from error

    def _note(self, error: WriteRefused | SecretFound) -> CoordinationError:
        if isinstance(error, WriteRefused):
            self._refusals.append(error)
        return error

    @property
    def _is_hopeless(self) -> bool:
        return not self._taken and len(self._refusals) >= _ENOUGH

"""A transaction is a function that is applied to the current version until its write succeeds.

Read the newest known version, apply the function, write if that version is still the newest. If it
is not: wait a moment (full jitter), fetch, and apply the function again. A result on a version that
may be old (an error, or nothing to do) counts only after a fetch.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from coordination_tasks.domain.errors import (
    AccessDenied,
    CoordinationError,
    OutcomeUnknown,
    Unavailable,
    WriteRefused,
)
from coordination_tasks.repository.combining import CombinedWrites
from coordination_tasks.repository.draft import Draft
from coordination_tasks.repository.protocol import (
    Moved,
    Repository,
    Unanswered,
    Version,
    VersionGone,
)

T = TypeVar("T")

_LONGEST_SLEEP = 3.0
_SHORTEST_WRITE = 0.02
_MOST_FACTOR = 8
_MOST_IN_PLACE = 5
_MOST_DAMAGE = 3
_MOST_AHEAD = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a transaction waits; `patience` is how many seconds it keeps trying."""

    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    monotonic: Callable[[], float] = time.monotonic
    patience: float = 60.0


def transact(
    repository: Repository,
    function: Callable[[Draft], T],
    *,
    pace: Pace,
    combined: CombinedWrites | None = None,
) -> T:
    """Apply `function` to the repository's newest version, write its changes, return its value.

    Raises what `function` raises on the newest version, Rewritten, Unavailable, OutcomeUnknown (the
    write may have succeeded: the function must recognise its own effect), AccessDenied,
    WriteRefused. With `combined` the function also does what `draft.notes` request, and recognises
    its own effect when another builder made it.
    """
    return _Transaction(repository, function, pace, combined).run()


@dataclass(frozen=True, slots=True)
class _Done(Generic[T]):
    value: T
    by_own_write: bool


class _Transaction(Generic[T]):
    def __init__(
        self,
        repository: Repository,
        function: Callable[[Draft], T],
        pace: Pace,
        combined: CombinedWrites | None,
    ) -> None:
        self._repository = repository
        self._function = function
        self._pace = pace
        self._combined = combined
        self._began = pace.monotonic()
        self._tries = 0
        self._has_lost = False
        self._in_place = 0
        self._damage = 0
        self._refused_at: Version | None = None
        self._write_seconds = _SHORTEST_WRITE
        self._unanswered: dict[Version, _Done[T]] = {}
        self._may_have_landed = False
        self._cause = "others wrote first each time"

    def run(self) -> T:
        try:
            return self._run()
        except AccessDenied:
            raise
        except Unavailable as error:
            if self._may_have_landed:
                raise OutcomeUnknown(error.cause) from error
            raise

    def _run(self) -> T:
        version = self._repository.known()
        if version is None or (self._combined and self._combined.looks_first):
            done = None
        else:
            done = self._apply(version, fresh=False)
        while done is None:
            done = self._try_newest()
        if self._combined:
            self._combined.done(by_own_write=done.by_own_write)
        return done.value

    def _try_newest(self) -> _Done[T] | None:
        try:
            version = self._fetch_in_order()
            done = self._landed(version)
            if done is None:
                self._notice_standstill(version)
                done = self._apply(version, fresh=True)
        except CoordinationError:
            if self._combined and self._combined.is_done_by_another():
                return None
            raise
        return done

    def _fetch_in_order(self) -> Version:
        """The newest version, once it is our turn or the writer before us did not write."""
        version = self._fetch()
        place = min(self._combined.place, _MOST_AHEAD) if self._combined else 0
        if place:
            # a writer ahead of us may be dead, so never wait longer than a write takes
            self._pace.sleep(self._pace.uniform(place, place + 1) * self._write_seconds)
            version = self._fetch()
        return version

    def _fetch(self) -> Version:
        if self._combined:
            return self._combined.fetch(lost=self._has_lost)
        return self._repository.fetch()

    def _apply(self, version: Version, *, fresh: bool) -> _Done[T] | None:
        """One try; None when the next one must use a newer version."""
        try:
            notes = self._combined.notes if self._combined else ()
            draft = Draft(self._repository, version, is_newest=fresh, notes=notes)
            value = self._function(draft)
            if draft.changes:
                return self._write(version, draft, _Done(value, by_own_write=True))
        except VersionGone as gone:
            self._damage += 1
            if self._damage > _MOST_DAMAGE:
                raise
            self._cause = str(gone)
            return None
        except CoordinationError:
            if fresh:
                raise
            return None
        return _Done(value, by_own_write=False) if fresh else None

    def _write(self, version: Version, draft: Draft, done: _Done[T]) -> _Done[T] | None:
        began = self._pace.monotonic()
        try:
            self._repository.push_if_unchanged(
                version, draft.changes, draft.message, draft.takes, draft.marks
            )
        except Moved:
            self._has_lost = True
        except WriteRefused:
            if not (self._combined and draft.takes):
                raise
            self._combined.give_up_notes()
        except Unanswered as unanswered:
            self._unanswered[unanswered.version] = done
            self._may_have_landed |= unanswered.left
            self._cause = str(unanswered)
        else:
            return done
        self._refused_at = version
        took = max(_SHORTEST_WRITE, self._pace.monotonic() - began)
        self._write_seconds = (self._write_seconds + took) / 2
        self._wait()
        return None

    def _wait(self) -> None:
        if self._pace.monotonic() - self._began > self._pace.patience:
            raise Unavailable(f"gave up after {self._tries + 1} tries: {self._cause}")
        factor = min(2**self._tries, _MOST_FACTOR)
        self._tries += 1
        longest = min(_LONGEST_SLEEP, self._write_seconds * factor)
        self._pace.sleep(self._pace.uniform(0, longest))

    def _landed(self, version: Version) -> _Done[T] | None:
        """The value of an unanswered write that turns out to have succeeded."""
        for written, done in self._unanswered.items():
            if self._repository.contains(version, written):
                return done
        return None

    def _notice_standstill(self, version: Version) -> None:
        """Give up on a remote that keeps rejecting us although nobody else wrote."""
        self._in_place = self._in_place + 1 if version == self._refused_at else 0
        if self._in_place >= _MOST_IN_PLACE:
            if self._unanswered:
                raise Unavailable(f"no answer to the write: {self._cause}")
            raise WriteRefused(
                "the remote keeps rejecting our push although its branch has not moved"
            )

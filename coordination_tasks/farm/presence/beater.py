"""Sends heartbeats when this builder has pushed nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from coordination_tasks.builder.push_budget import PushBudget
from coordination_tasks.documents.builder_status import (
    HostLoad,
    StatusChange,
    heartbeat_data,
    status_data,
)
from coordination_tasks.documents.paths import heartbeat_path, status_path
from coordination_tasks.domain.errors import WriteRefused
from coordination_tasks.domain.model import BuilderProfile
from coordination_tasks.repository.heartbeats import FACTS, Heartbeats


class Beater:
    """The heartbeats of one process of a builder. Not for several threads.

    `on_facts` beats among the facts of the store, for farms that prefer that, for remotes that
    forbid force pushes, and every `main_every` seconds for older programs; the first such beat is
    `announce` instead, if there is one: this builder is idle then. `always` returns files, by path,
    of each heartbeat on the builder's own branch. `beat_if_due` raises
    Unavailable, AccessDenied, WriteRefused (once: then it beats among the facts), NotDurable.
    """

    def __init__(
        self,
        profile: BuilderProfile,
        heartbeats: Heartbeats,
        budget: PushBudget,
        *,
        on_facts: Callable[[], None],
        main_every: Callable[[], float] = lambda: math.inf,
        announce: Callable[[], None] | None = None,
        always: Callable[[], Mapping[str, bytes]] = dict,
        load: Callable[[], HostLoad | None],
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._profile = profile
        self._heartbeats = heartbeats
        self._budget = budget
        self._on_facts = on_facts
        self._load = load
        self._clock = clock
        self._monotonic = monotonic
        self._main_every = main_every
        self._announce = announce
        self._always = always
        self._main_at: float | None = None
        self._last: float | None = None
        self._began = monotonic()
        self._refused = profile.heartbeats_at == FACTS
        self._longest = profile.lease / 2 if profile.lease else math.inf
        self._told: StatusChange | None = None
        self._status = b""

    def count(self, *, on_facts: bool = False) -> None:
        """Note a push that others count as a heartbeat; `on_facts`: with one among the facts."""
        self._last = self._monotonic()
        if on_facts:
            self._main_at = self._last

    def beat_if_due(
        self,
        interval: float,
        change: StatusChange,
        more: Callable[[], Mapping[str, bytes]] = dict,
    ) -> None:
        """Send a heartbeat if the last one is `interval` seconds old and the push budget has room.

        Or if it is older than half of the lease: the budget must not cost a builder its job.
        `more` returns further files for it, by path; heartbeats among the facts have none.
        """
        now = self._monotonic()
        if self._is_due_on_main(now):
            (self._announce or self._on_facts)()
            self._announce = None
            self._last = self._main_at = now
        if self._last is not None and now - self._last < interval:
            return
        silent = now - (self._began if self._last is None else self._last)
        if not self._budget.has_room() and silent <= self._longest:
            return
        if self._refused:
            self._on_facts()
        else:
            status = self._content(replace(change, interval=interval))
            self._beat({**self._always(), **more(), **status})
        self._last = now

    def _is_due_on_main(self, now: float) -> bool:
        every = self._main_every()
        if self._refused or every == math.inf:
            return False
        is_due = self._main_at is None or now - self._main_at >= every
        return is_due and self._budget.has_room()

    def _beat(self, files: Mapping[str, bytes]) -> None:
        try:
            self._heartbeats.beat(files)
        except WriteRefused:
            self._refused = True
            self._on_facts()
            raise

    def _content(self, change: StatusChange) -> Mapping[str, bytes]:
        """The unchanged status, so that it costs no new object, and the current time."""
        profile, load, now = self._profile, self._load(), self._clock()
        if change != self._told:
            self._status = status_data(None, profile, change, now=now, load=load)
            self._told = change
        return {
            status_path(profile.id): self._status,
            heartbeat_path(profile.id): heartbeat_data(None, profile, now=now, load=load),
        }

"""The alerts of a builder, in the turns of its watch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from common.errors import ApplicationError, one_line, os_error_text
from common.settings.farm import FarmFile
from common.settings.notify import Notify, When
from coordination_tasks.documents.archive_files import Files
from coordination_tasks.documents.paths import ALERTS
from coordination_tasks.farm.alerts.causes import Observed, find_causes
from coordination_tasks.farm.alerts.own_facts import OwnAlerts, OwnFacts, own_causes
from coordination_tasks.farm.alerts.sending import Sending
from coordination_tasks.farm.alerts.settle import Notice, mark_told, settle
from coordination_tasks.repository.draft import Draft
from coordination_tasks.store.operations.alert_state import (
    AlertState,
    read_alerts,
    write_alerts,
)
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the farm wants to know, as this builder reads it."""

    farm: FarmFile
    notify: Mapping[str, Sequence[Notify]]
    """By pipeline."""

    @property
    def is_silent(self) -> bool:
        """Whether nobody is to be told anything: then nothing is recorded either."""
        return not self.farm.channels

    @property
    def told_always(self) -> frozenset[str]:
        """Pipelines of which each end of a job is told."""
        return frozenset(
            name
            for name, wanted in self.notify.items()
            if any(When.ALWAYS in each.when for each in wanted)
        )


@dataclass(kw_only=True)
class Alerts:
    """Finds and tells, in a thread of its own: a service may take long, a watch must not wait."""

    builder: str
    store: Store
    snapshot: Callable[[], Snapshot | None]
    """The store at the last check."""
    observed: Callable[[], Observed]
    facts: Callable[[], OwnFacts]
    rules: Callable[[], Rules]
    """Raises ApplicationError."""
    sending: Callable[[Rules], Sending]
    own: OwnAlerts
    clock: Callable[[], datetime]
    notice: Callable[[str], None]
    _thread: threading.Thread | None = field(init=False, default=None)
    _trouble: str = field(init=False, default="")
    _rules: Rules | None = field(init=False, default=None)

    def wait(self, seconds: float) -> None:
        """Wait for the end of what runs, at most so long."""
        if self._thread is not None:
            self._thread.join(seconds)

    def run_due(self) -> None:
        """Start a turn, unless the last one still runs. Raises ApplicationError."""
        if self._thread is not None and self._thread.is_alive():
            return
        problem: ApplicationError | None = None
        try:
            self._rules = self.rules()
        except ApplicationError as error:  # whom to tell is known from before
            problem = error
        if self._rules is not None and not self._rules.is_silent:
            turn = (self._rules, self.snapshot(), self.observed(), self.facts())
            self._thread = threading.Thread(target=self._guarded, args=turn, daemon=True)
            self._thread.start()
        if problem:
            raise problem

    def _guarded(
        self, rules: Rules, snapshot: Snapshot | None, observed: Observed, facts: OwnFacts
    ) -> None:
        trouble = ""
        try:
            self.tell_of_builder(rules, facts)
            if snapshot:
                self.tell_of_farm(rules, snapshot, observed)
        except ApplicationError as error:
            trouble = one_line(error)
        except OSError as error:
            trouble = os_error_text(error)
        if trouble and trouble != self._trouble:
            self.notice(f"warning: alerts: {trouble}")
        self._trouble = trouble

    def tell_of_builder(self, rules: Rules, facts: OwnFacts) -> None:
        """Tell what only this builder knows. Raises OSError."""
        before, now = self.own.read(), self._now()
        found = own_causes(facts, rules.farm.alerts, now)
        state, due = settle(
            before, found, builder=self.builder, digest=rules.farm.alerts.digest, now=now
        )
        if due:
            links = self.sending(rules).send(due)
            state = mark_told(state, due, links, now)
        if state != before:
            self.own.write(state)

    def tell_of_farm(self, rules: Rules, snapshot: Snapshot, observed: Observed) -> None:
        """Tell what the documents say, if no other builder does. Raises ApplicationError."""
        if not self._settle(rules, snapshot, observed)[2]:
            return

        def claim(draft: Draft) -> tuple[Notice, ...]:
            state, due, is_new = self._settle(rules, draft, observed)
            if is_new:
                write_alerts(draft, state)
                draft.note(f"{self.builder}: {len(due)} notices of alerts")
            return due

        due = self.store.change(claim)
        if not due:
            return
        links = self.sending(rules).send(due)

        def settled(draft: Draft) -> None:
            state = read_alerts(draft.read(ALERTS))
            write_alerts(draft, mark_told(state, due, links, self._now()))
            draft.note(f"{self.builder}: {len(due)} notices of alerts sent")

        self.store.change(settled)

    def _settle(
        self, rules: Rules, files: Files, observed: Observed
    ) -> tuple[AlertState, tuple[Notice, ...], bool]:
        """The new state, what is to be told, and whether anything is to be written."""
        before, now = read_alerts(files.read(ALERTS)), self._now()
        wanted = rules.farm.alerts
        found = find_causes(files, wanted, observed, rules.told_always, now)
        state, due = settle(before, found, builder=self.builder, digest=wanted.digest, now=now)
        return state, due, state != before

    def _now(self) -> datetime:
        return self.clock().replace(microsecond=0)

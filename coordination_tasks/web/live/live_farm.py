"""Reads the farm again and again, so that no reader has to wait for the coordination repository."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.commands.jobs.status import farm_report
from coordination_tasks.commands.views.farm_view import FarmView, read_farm
from coordination_tasks.commands.views.job_filter import JobFilter
from coordination_tasks.domain.errors import CoordinationError
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.web.farm_facts import FarmFacts, Moment, farm_facts
from coordination_tasks.wiring.reading import farm_overview, open_reading

_SHARE = 4
"""A reading takes at most this part of the time between two: 1/4."""
_RENEW = 30.0
"""Seconds after which the pages are made again although nothing changed: they show durations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFarm:
    """The farm as it was read last."""

    number: int
    """Grows with each change."""
    farm: FarmView
    """Its snapshot is closed."""
    facts: FarmFacts
    report: Mapping[str, Any]
    """The document of `doit status --json`."""
    version: str
    """The commit of the coordination repository."""
    read_at: datetime


@dataclass(kw_only=True)
class LiveFarm:
    """The farm of `config`, read in a thread every `every` seconds."""

    config: BuilderConfig
    every: float
    most_pages: int
    notice: Callable[[str], None]
    """Receives readable lines."""
    on_change: Callable[[ShownFarm], None]
    """Called in the thread that reads."""
    shown: ShownFarm | None = field(init=False, default=None)
    """None: not read yet."""
    problem: str = field(init=False, default="")
    """Why the last reading failed; "": it did not."""
    read_at: datetime | None = field(init=False, default=None)
    """When the farm was last read, changed or not."""
    _ended: threading.Event = field(init=False, default_factory=threading.Event)
    _key: object = field(init=False, default=None)
    _made_at: float = field(init=False, default=0.0)
    _hurry: threading.Event = field(init=False, default_factory=threading.Event)

    def start(self) -> None:
        """Read until `end`."""
        threading.Thread(target=self._run, name="farm", daemon=True).start()

    def end(self) -> None:
        """Read no more."""
        self._ended.set()
        self._hurry.set()

    def look_now(self) -> None:
        """Read without waiting: somebody acted."""
        self._hurry.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            self.look()
            cost = time.monotonic() - began
            self._hurry.wait(max(self.every - cost, _SHARE * cost))
            self._hurry.clear()

    def look(self) -> None:
        """Read once; a failure is kept as `problem` and shown by the pages."""
        try:
            self._read()
            self._set_problem("")
        except (CoordinationError, OSError) as error:
            self._set_problem(str(error))

    def _set_problem(self, problem: str) -> None:
        if problem and problem != self.problem:
            self.notice(problem)
        self.problem = problem

    def _read(self) -> None:
        with open_reading(self.config, self.notice) as reading:
            outage, snapshot = reading.outage, reading.snapshot
            live = None if outage else farm_overview(reading.config, snapshot)
            alive = {n: p.liveness for n, p in live.presences.items()} if live else None
            told = dict(live.told) if live else None
            key = (snapshot.version, alive, told, str(outage))
            self.read_at = utc_now()
            old = time.monotonic() - self._made_at > _RENEW
            if key == self._key and not old:
                return
            broken: list[str] = []
            farm = read_farm(snapshot, live, JobFilter(), self.config.lease, broken.append)
            as_of = outage.as_of if outage else self.read_at
            problem = "; ".join([*([str(outage)] if outage else []), *broken])
            facts = farm_facts(farm, Moment(as_of=as_of, problem=problem), self.most_pages)
            self.shown = ShownFarm(
                number=self.shown.number + 1 if self.shown else 1,
                farm=farm,
                facts=facts,
                report=farm_report(snapshot, farm, outage),
                version=snapshot.version,
                read_at=self.read_at,
            )
            self._key, self._made_at = key, time.monotonic()
        self.on_change(self.shown)

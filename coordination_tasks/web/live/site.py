"""The pages of the server: the farm, jobs, logs, also as they were at an earlier time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.commands.results.logs import check_step, job_logs, step_lines
from coordination_tasks.commands.views.farm_view import read_farm
from coordination_tasks.commands.views.job_filter import JobFilter
from coordination_tasks.domain.errors import BadRequest, NotFound, Unavailable
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.store.history import GitHistory
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.web.farm_facts import Moment, farm_facts, page_name
from coordination_tasks.web.live.live_farm import LiveFarm, ShownFarm
from coordination_tasks.web.log_facts import log_part
from coordination_tasks.web.pages import FARM_PAGES, Pages
from coordination_tasks.wiring.farm import Farm
from coordination_tasks.wiring.reading import open_known

_MOST_CACHED = 500


@dataclass(kw_only=True)
class LiveSite:
    """Each page is made once for each change of the farm. Methods may be called by any thread."""

    farm: Farm
    config: BuilderConfig
    live: LiveFarm
    pages: Pages
    _cache: dict[str, bytes] = field(init=False, default_factory=dict)
    _number: int = field(init=False, default=0)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _history: threading.Lock = field(init=False, default_factory=threading.Lock)

    def shown(self) -> ShownFarm:
        """The farm as it was read last. Raises Unavailable."""
        if self.live.shown is None:
            raise Unavailable(self.live.problem or "the farm has not been read yet")
        return self.live.shown

    def prepare(self, shown: ShownFarm) -> None:
        """Make the first page before anybody asks for it."""
        self._made(shown, "index", lambda: self.pages.farm("index", shown.facts))

    def farm_page(self, name: str, at: str = "") -> bytes:
        """One of FARM_PAGES. Raises NotFound, Unavailable, BadRequest for a bad time."""
        if name not in FARM_PAGES:
            raise NotFound(f"there is no page {name[:60]!r}")
        if at:
            return self._past(at, lambda snapshot, moment: self._past_farm(name, snapshot, moment))
        shown = self.shown()
        return self._made(shown, name, lambda: self.pages.farm(name, shown.facts))

    def job_page(self, name: str, at: str = "") -> bytes:
        """The page of the job whose page has this name. Raises as farm_page."""
        if at:
            return self._past(
                at,
                lambda snapshot, moment: self.pages.job(
                    _job_in(snapshot, name), snapshot, problem=moment.problem
                ),
            )
        return self._made(self.shown(), f"jobs/{name}", lambda: self._job_page(name))

    def log_page(self, name: str, step: str, *, first: int, find: str) -> bytes:
        """A part of the log of a step of the job's last attempt. Raises as farm_page."""
        with open_known(self.config) as snapshot:
            known = _read(snapshot)
            job = _job_in(known, name)
            logs = job_logs(self.config, self.farm.pipelines)
            view = logs.view(known, job.id)
            check_step(view, step)
            [(_, found)] = step_lines(logs, view, step)
            state = view.steps[step].state
        return self.pages.render(
            "live/log.html",
            page="jobs",
            root="../../../",
            job=job,
            name=name,
            step=step,
            state=state.value if state else "",
            attempt=view.attempt,
            builder=view.builder,
            source=found.source,
            left_out=found.left_out,
            part=log_part(found.lines, found.first_line, first=first, find=find),
            find=find,
        )

    def job_id(self, name: str) -> str:
        """The id of the job whose page has this name. Raises NotFound, Unavailable."""
        with open_known(self.config) as snapshot:
            return _job_in(_read(snapshot), name).id

    def _job_page(self, name: str) -> bytes:
        with open_known(self.config) as snapshot:
            known = _read(snapshot)
            return self.pages.job(_job_in(known, name), known)

    def _made(self, shown: ShownFarm, key: str, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            if shown.number > self._number or len(self._cache) > _MOST_CACHED:
                self._cache, self._number = {}, shown.number
            if key in self._cache:
                return self._cache[key]
        page = make()
        with self._lock:
            if shown.number == self._number:
                self._cache[key] = page
        return page

    def _past(self, at: str, make: Callable[[Snapshot, Moment], bytes]) -> bytes:
        folder = self.config.state_dir / "history"
        # its clone is one folder, and each question fetches
        with self._history, GitHistory(self.config.coordination_repository, folder) as history:
            version = history.find(at)
            then = history.time_of(version)
            problem = f"The farm as it was at {format_time(then)}, not as it is now."
            return make(history.snapshot(version), Moment(as_of=then, problem=problem))

    def _past_farm(self, name: str, snapshot: Snapshot, moment: Moment) -> bytes:
        farm = read_farm(snapshot, None, JobFilter(), self.config.lease, lambda _: None)
        return self.pages.farm(name, farm_facts(farm, moment, self.live.most_pages))


def _read(snapshot: Snapshot | None) -> Snapshot:
    if snapshot is None:
        raise Unavailable("the farm has not been read yet")
    return snapshot


def _job_in(snapshot: Snapshot, name: str) -> Job:
    for job in snapshot.jobs():
        if job.id == name or page_name(job.id) == name:
            return job
    if page_name(name) == name:  # an archived one has no other name than its id
        return snapshot.job(name)
    raise NotFound(f"there is no job {name[:80]!r}")


def line_number(text: str) -> int:
    """The number in a query; 0 for "". Raises BadRequest."""
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):  # noqa: PLR2004
        raise BadRequest(f"expected the number of a line, found {text[:20]!r}")
    return int(text)

"""The logs of a job's last attempt, wherever they can be read: here, in heartbeats, published."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from common.states import FAILURES, State
from coordination_tasks.documents.builder_status import read_running_logs
from coordination_tasks.documents.paths import running_logs_path
from coordination_tasks.domain.errors import BrokenDocument, NotFound, Unavailable
from coordination_tasks.domain.model import Transition, is_builder_id
from coordination_tasks.domain.state_machine import FINAL_STEP_STATES
from coordination_tasks.domain.step_log import LogTail
from coordination_tasks.repository.heartbeats import Heartbeats, own_place
from coordination_tasks.repository.step_logs import StepLogs
from coordination_tasks.store.snapshot import Snapshot

FILE, REPOSITORY, HEARTBEAT = "file", "repository", "heartbeat"
"""Where lines come from."""
_RAN = (FINAL_STEP_STATES - {State.SKIPPED, State.UP_TO_DATE}) | {None}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """A step of the attempt."""

    state: State | None
    """None: it has ended, but the repository does not say how."""
    path: str | None = None
    """Of its log on the builder."""
    ended_at: datetime | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it runs no longer."""
        return self.state is None or self.state in FINAL_STEP_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """The last attempt of a job, as far as it is known."""

    job: str
    attempt: int
    builder: str
    host: str
    """The builder, with its address if that is known."""
    runs: bool
    steps: Mapping[str, StepView]
    """In the order in which they began."""
    tails: Mapping[str, LogTail] = field(default_factory=dict)
    """Last lines of the running steps."""
    heard: bool = True
    """False: the last lines could not be read."""

    def chosen(self) -> tuple[str, ...]:
        """The steps that a reader wants first: running, failed or cancelled ones, or all."""
        steps = self.steps.items()
        for wanted in ({State.RUNNING} if self.runs else (), FAILURES, {State.CANCELLED}):
            if found := tuple(name for name, step in steps if step.state in wanted):
                return found
        return tuple(name for name, step in steps if step.state in _RAN and step.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLines:
    """Lines of one step's log."""

    source: str
    """FILE, REPOSITORY or HEARTBEAT."""
    first_line: int
    lines: tuple[str, ...]
    left_out: int = 0
    """Lines that are missing in the middle, replaced by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalLogs:
    """The logs on this host."""

    path: Callable[[str, str, int, str], Path]
    """Of builder, job, attempt and step; it need not exist."""
    steps: Callable[[str, str], Collection[tuple[int, str]]]
    """Attempt and step of the logs of a builder's job, oldest first."""


@dataclass(frozen=True, kw_only=True)
class JobLogs:
    """Reads them. `notice` receives readable lines about what cannot be reached."""

    published: StepLogs
    heartbeats: Heartbeats
    local: LocalLogs
    notice: Callable[[str], None]

    def view(self, snapshot: Snapshot, job_id: str) -> AttemptView:
        """The last attempt that a builder claimed. Raises NotFound, BrokenDocument."""
        job = snapshot.job(job_id)
        claims = [t for t in snapshot.transitions(job_id) if _is_claim(t)]
        if not claims:
            raise NotFound(f"job {job_id} has no logs yet: no builder has claimed it")
        claim = claims[-1]
        if not is_builder_id(claim.builder):  # it becomes the name of a folder and of a branch
            name = claim.builder[:80]
            raise BrokenDocument(f"a record of job {job_id} has the invalid builder id {name!r}")
        runs = job.state is State.RUNNING and job.attempt == claim.attempt
        read = self._tails(snapshot, claim) if runs else {}
        tails = read or {}
        builder = snapshot.present_name(claim.builder)
        steps = _steps(snapshot.transitions(job_id, claim.attempt))
        for name in tails:
            if name not in steps or not steps[name].has_ended:
                steps[name] = StepView(state=State.RUNNING)
        if runs:
            steps = self._with_local(steps, claim, tails)
        return AttemptView(
            job=job_id,
            attempt=claim.attempt,
            builder=builder,
            host=_host(snapshot, builder),
            runs=runs,
            steps=steps,
            tails=tails,
            heard=read is not None,
        )

    def file(self, view: AttemptView, step: str) -> Path | None:
        """The log of a step on this host; None when it is not here."""
        path = self.local.path(view.builder, view.job, view.attempt, step)
        return path if path.exists() else None

    def lines(self, view: AttemptView, step: str) -> LogLines:
        """The lines of a step. Raises NotFound with where they are, OSError."""
        if path := self.file(view, step):
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            return LogLines(source=FILE, first_line=1, lines=split_lines(data))
        if view.runs and (tail := view.tails.get(step)):
            return LogLines(source=HEARTBEAT, first_line=tail.first_line, lines=tail.lines)
        return self.published_lines(view, step)

    def published_lines(self, view: AttemptView, step: str) -> LogLines:
        """The lines of a step that has ended, from its builder's published logs.

        Raises NotFound, Unavailable.
        """
        key = (view.job, view.attempt, step)
        logs = self.published.published(view.builder)
        for log in logs:
            if log.key == key:
                lines = split_lines(self.published.text(view.builder, log))
                left_out = log.left_out
                return LogLines(source=REPOSITORY, first_line=1, lines=lines, left_out=left_out)
        known = view.steps.get(step, StepView(state=State.RUNNING))
        if not view.heard and known.state is State.RUNNING:
            raise Unavailable(f"cannot reach the last lines of step {step} of job {view.job}")
        if known.state not in _RAN:
            why = "has shown no output yet" if view.runs else f"is {known.state}: it has no log"
            raise NotFound(f"step {step} of job {view.job}, attempt {view.attempt}, {why}")
        removed = logs and known.ended_at and known.ended_at < logs[0].ended_at
        reached = "is no longer in the repository" if removed else "did not reach the repository"
        has = f"builder {view.host} has it: {known.path}" if known.path else view.host
        raise NotFound(f"the log of step {step}, attempt {view.attempt}, {reached}; {has}")

    def _tails(self, snapshot: Snapshot, claim: Transition) -> dict[str, LogTail] | None:
        """What the builder's last heartbeat shows of this attempt; None: it cannot be read."""
        place = own_place(claim.builder)
        with suppress(NotFound, BrokenDocument):
            place = snapshot.builder_status(claim.builder).heartbeats_at or place
        try:
            found = self.heartbeats.read({place: running_logs_path(claim.builder)})
        except Unavailable as error:
            self.notice(str(error))
            return None
        shown = read_running_logs(found[place]) if place in found else None
        if shown is None or (shown.job, shown.attempt) != (claim.job, claim.attempt):
            return {}
        return {tail.step: tail for tail in shown.tails}

    def _with_local(
        self, steps: dict[str, StepView], claim: Transition, tails: Mapping[str, LogTail]
    ) -> dict[str, StepView]:
        """With the steps whose records wait on this host; the newest one is running."""
        here = self.local.steps(claim.builder, claim.job)
        names = [name for attempt, name in here if attempt == claim.attempt]
        found = dict(steps)
        for name in names:
            found.setdefault(name, StepView(state=None))
        if names and not tails and found[names[-1]].path is None:
            found[names[-1]] = replace(found[names[-1]], state=State.RUNNING)
        return found


def split_lines(data: bytes) -> tuple[str, ...]:
    """The lines of a log without their ends."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    return tuple(text.removesuffix("\n").split("\n")) if text else ()


def _is_claim(transition: Transition) -> bool:
    return transition.step is None and transition.to_state is State.RUNNING


def _steps(transitions: Collection[Transition]) -> dict[str, StepView]:
    found: dict[str, StepView] = {}
    for each in transitions:
        if each.step is not None:
            found[each.step] = StepView(state=each.to_state, path=each.log, ended_at=each.at)
    return found


def _host(snapshot: Snapshot, builder: str) -> str:
    with suppress(NotFound, BrokenDocument):
        address = snapshot.builder_status(builder).ip
        return f"{builder} ({address})" if address else builder
    return builder

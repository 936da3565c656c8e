"""What coordination asks of pipelines, as protocols: `dodo.py` gives what keeps them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from common.job_pattern import JobPattern
from coordination_tasks.build.attempt.running_attempt import RunningAttempt


class PipelineTerms(Protocol):
    """What a pipeline demands of builders and says of jobs."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What a builder must offer."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets that it needs."""

    @property
    def max_attempts(self) -> int | None:
        """How many attempts dead builders may use up; None: as the job says."""

    @property
    def takes(self) -> JobPattern | None:
        """Which of the jobs that name no pipeline it takes."""


class PreparedPlan(Protocol):
    """A plan that is ready to be run for one job."""

    @property
    def tasks(self) -> Sequence[dict[str, Any]]:
        """For doit."""

    @property
    def params(self) -> Mapping[str, str]:
        """The value of every parameter."""

    @property
    def secrets(self) -> Sequence[str]:
        """Names of those that are needed."""

    @property
    def compares(self) -> bool:
        """Whether a condition asks which files the job changes."""


class Outlook(Protocol):
    """What would become of a step if its job were built here now."""

    @property
    def step(self) -> str:
        """Its name."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Steps that have to end before it."""

    @property
    def all_needs(self) -> tuple[str, ...]:
        """The same, and those that these need."""

    @property
    def reasons(self) -> tuple[str, ...] | None:
        """Why it would run; empty: it is up to date; None: nobody can tell here."""

    @property
    def condition(self) -> str | None:
        """What has to hold for it to run at all; None: that all before it went well."""


class Planner(Protocol):
    """Makes plans; all but `ended_alone` raise ValueError, in words for a person."""

    def plan(self, name: str) -> bytes:
        """The plan of a pipeline as it is now."""

    def prepare(self, plan: bytes, params: Mapping[str, str]) -> PreparedPlan:
        """The plan for a job with these parameters."""

    def start_over(self, plan: bytes, *, start: str, only: str, clean: bool) -> None:
        """Before the first step of the claimed job: what has to run though nothing changed.

        `start` and `only` are names of steps or "": all from `start` on, or `only` and no other.
        """

    def outlook(self, plan: bytes, attempt: RunningAttempt) -> Sequence[Outlook]:
        """What this builder's records say of each step now; nothing is changed."""

    def ended_alone(self, plan: bytes, attempt: RunningAttempt) -> Mapping[str, str]:
        """Steps that succeeded in an attempt whose process was killed, with what each did."""


class DiskItem(Protocol):
    """A file or folder on this builder's disk that can be removed as a whole."""

    @property
    def kind(self) -> str:
        """`workspaces`, `mirrors`, `logs` or `maven`."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def size(self) -> int:
        """Bytes."""


class Removable(Protocol):
    """An item that is too old or too much."""

    @property
    def item(self) -> DiskItem:
        """The item."""

    @property
    def why(self) -> str:
        """For people."""


class Workspaces(Protocol):
    """The folders of one builder's jobs. Who changes them holds the builder's lock."""

    def jobs(self) -> tuple[str, ...]:
        """Ids of the jobs that have one here."""

    def sweep(self) -> object:
        """End the processes that a killed predecessor left behind."""

    def forget(self, steps: Mapping[str, set[str]], job: str | None) -> Iterable[tuple[str, str]]:
        """Forget that steps (by pipeline) succeeded, in `job` or in all; (job, step) of each."""

    def clean(self, steps: Mapping[str, set[str]], job: str | None, *, dry: bool) -> Iterable[Path]:
        """Remove what steps recorded as their outputs; the paths, also when it is only a try."""

    def removable_items(
        self, limits: Mapping[str, tuple[float, int]], held: Collection[str], now: float
    ) -> Sequence[Removable]:
        """What is over `limits` (seconds and bytes by kind); `held` are jobs that keep theirs."""

    def remove(self, paths: Iterable[Path]) -> None:
        """Remove these items. Raises OSError."""

    def old_logs(self, before: datetime, *, pack: bool) -> Sequence[Path]:
        """Logs that were last written before that moment; `pack` moves them into an archive."""


class Pipelines(Protocol):
    """The pipelines of this farm; what needs their file reads it when it is called."""

    @property
    def planner(self) -> Planner:
        """What makes plans."""

    @property
    def known(self) -> Mapping[str, PipelineTerms]:
        """All by name. Raises ApplicationError when their file cannot be used."""

    def check_job(
        self, pipeline: str, params: Mapping[str, str], *, job_id: str, branch: str, commit: str
    ) -> None:
        """Raise ValueError when no builder could build such a job; branch and commit may be ""."""

    def branch_tip(self, pipeline: str, branch: str) -> str | None:
        """Commit at the tip of a branch of its source; None when it cannot be told now."""

    def tag_commit(self, pipeline: str, tag: str) -> str | None:
        """Commit that a tag of its source names; None when there is no such tag.

        Raises ValueError; ConnectionError when the source cannot be asked.
        """

    def workspaces(self, state_dir: Path) -> Workspaces:
        """Those of the builder that owns `state_dir`."""

    def labels(self) -> Mapping[str, str]:
        """What this machine was found to offer."""

    def check_machine(self, env: Mapping[str, str]) -> Iterable[tuple[str, str, str | None, bool]]:
        """What steps need of this machine: name, what was found, remedy, whether it is needed."""

    def cancel(self, reason: str) -> None:
        """End the running steps of this process."""

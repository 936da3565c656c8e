"""What coordination requires of pipelines, as protocols; `dodo.py` provides implementations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from common.job_pattern import JobPattern
from common.settings.notify import Notify
from common.settings.sandbox import SandboxSettings
from coordination_tasks.build.attempt.running_attempt import RunningAttempt

if TYPE_CHECKING:
    from common.settings.destinations import Destination
    from common.settings.ssh_hosts import SshHost
    from coordination_tasks.farm.artifacts.releases.offering import Place
    from coordination_tasks.farm.triggers.source import WatchedSource


class PipelineTerms(Protocol):
    """What a pipeline requires of builders and jobs."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that a builder must have."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets that it needs."""

    @property
    def max_attempts(self) -> int | None:
        """Attempts that may end with a dead builder before the job fails; None: the job's own."""

    @property
    def concurrency(self) -> int | None:
        """Jobs of it that may run in the farm at the same time; None: any number."""

    @property
    def takes(self) -> JobPattern | None:
        """The pattern of the jobs without a pipeline that it takes."""

    @property
    def notify(self) -> Sequence[Notify]:
        """Whom to tell about its jobs."""


class PreparedPlan(Protocol):
    """A plan that is ready to run for one job."""

    @property
    def tasks(self) -> Sequence[dict[str, Any]]:
        """For doit."""

    @property
    def params(self) -> Mapping[str, str]:
        """The value of every parameter."""

    @property
    def secrets(self) -> Sequence[str]:
        """Names of the secrets that it needs."""

    @property
    def compares(self) -> bool:
        """Whether a condition asks which files the job changes."""

    @property
    def looks_back(self) -> bool:
        """Whether a step compares the job with the last good build of its branch."""


class Outlook(Protocol):
    """What would happen to a step if its job were built here now."""

    @property
    def step(self) -> str:
        """Its name."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Steps that must end before it."""

    @property
    def all_needs(self) -> tuple[str, ...]:
        """Everything that it needs, directly or through others."""

    @property
    def reasons(self) -> tuple[str, ...] | None:
        """Why it would run; empty: it is up to date; None: unknown here."""

    @property
    def condition(self) -> str | None:
        """Its condition; None: that all earlier steps succeeded."""


class Planner(Protocol):
    """Makes plans; all but `ended_alone` raise ValueError with a readable message."""

    def plan(self, name: str) -> bytes:
        """The plan of a pipeline as it is now."""

    def prepare(self, plan: bytes, params: Mapping[str, str]) -> PreparedPlan:
        """The plan for a job with these parameters."""

    def start_over(self, plan: bytes, *, start: str, only: str, clean: bool) -> None:
        """Before the first step of the claimed job: make steps run although nothing changed.

        `start` and `only` are names of steps or "": all from `start` on, or `only` and no other.
        """

    def outlook(self, plan: bytes, attempt: RunningAttempt) -> Sequence[Outlook]:
        """What this builder's records say about each step now; changes nothing."""

    def ended_alone(self, plan: bytes, attempt: RunningAttempt) -> Mapping[str, str]:
        """Steps that succeeded in an attempt whose process was killed, with their results."""


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
    """An item that is too old or exceeds the size limit."""

    @property
    def item(self) -> DiskItem:
        """The item."""

    @property
    def why(self) -> str:
        """For people."""


class Workspaces(Protocol):
    """The folders of one builder's jobs. Changes require the builder's lock."""

    def jobs(self) -> tuple[str, ...]:
        """Ids of the jobs that have one here."""

    def sweep(self) -> object:
        """End the processes that a killed build left behind."""

    def forget(self, steps: Mapping[str, set[str]], job: str | None) -> Iterable[tuple[str, str]]:
        """Forget that steps (by pipeline) succeeded, in `job` or in all; (job, step) of each."""

    def clean(self, steps: Mapping[str, set[str]], job: str | None, *, dry: bool) -> Iterable[Path]:
        """Remove the recorded outputs of steps; returns the paths, even in a dry run."""

    def removable_items(
        self, limits: Mapping[str, tuple[float, int]], held: Collection[str], now: float
    ) -> Sequence[Removable]:
        """Items over `limits` (seconds and bytes by kind), except those of the jobs `held`."""

    def remove(self, paths: Iterable[Path]) -> None:
        """Remove these items. Raises OSError."""

    def log(self, job: str, attempt: int, step: str) -> Path:
        """The log of a step, packed (`.gz`) when it is old; it may not exist."""

    def logged_steps(self, job: str) -> Collection[tuple[int, str]]:
        """Attempt and step of the logs of a job that are here and not packed."""

    def moved_from(self, old: Path) -> None:
        """After the folder was moved here: let the source trees find its mirrors again."""

    def old_logs(self, before: datetime, *, pack: bool) -> Sequence[Path]:
        """Logs that were last written before that moment; `pack` moves them into an archive."""


class SourceCommit(Protocol):
    """A commit of a source."""

    @property
    def commit(self) -> str:
        """Its full id."""

    @property
    def subject(self) -> str:
        """The first line of its message."""

    @property
    def touches(self) -> bool:
        """Whether it changes one of the files in question."""


class SourceState(Protocol):
    """Which commit of `pipelines_source` is in use."""

    @property
    def commit(self) -> str:
        """Its full id."""

    @property
    def problem(self) -> str:
        """Why the newest commit of the branch is not used, or unknown; "": it is used."""

    @property
    def tip(self) -> str:
        """The newest commit at the last look that found one."""

    @property
    def is_away(self) -> bool:
        """Whether the branch could not be read."""


class Pipelines(Protocol):
    """The pipelines of this farm; their file is read only on demand."""

    @property
    def planner(self) -> Planner:
        """The maker of plans."""

    @property
    def known(self) -> Mapping[str, PipelineTerms]:
        """All by name. Raises ApplicationError when their file cannot be used."""

    def file(self) -> Path:
        """Where their file is. Raises ApplicationError."""

    def source_state(self) -> SourceState | None:
        """Which commit they come from; None: from a file. Raises ApplicationError."""

    def read_again(self) -> None:
        """Forget what was read: a process that runs for long sees changes of the file."""

    def use_shared(self, data: bytes | None) -> None:
        """Plan from now on with the defaults of this content of `shared/build_config.json`."""

    def check_job(
        self, pipeline: str, params: Mapping[str, str], *, job_id: str, branch: str, commit: str
    ) -> None:
        """Raise ValueError when no builder could build such a job; branch and commit may be ""."""

    def branch_tip(self, pipeline: str, branch: str) -> str | None:
        """Commit at the tip of a branch of its source; None when it is unknown now."""

    def branch_commit(self, pipeline: str, branch: str) -> str | None:
        """Commit at the tip of a branch of its source; None when there is no such branch.

        Raises ValueError; ConnectionError when the source cannot be asked.
        """

    def tag_commit(self, pipeline: str, tag: str) -> str | None:
        """Commit that a tag of its source names; None when there is no such tag.

        Raises ValueError; ConnectionError when the source cannot be asked.
        """

    def commits_between(
        self, pipeline: str, state_dir: Path, since: str, until: str, files: Sequence[str]
    ) -> Sequence[SourceCommit] | None:
        """Commits of its source from `since` (excluded) to `until`, newest first; None: unknown.

        They come from the mirror below `state_dir`; nothing is fetched. `files` are patterns.
        """

    def watched(self, state_dir: Path) -> Mapping[str, WatchedSource]:
        """The sources of all pipelines with triggers, by pipeline. Raises ApplicationError."""

    def take_folder(self, pipeline: str, folder: Path, into: Path) -> tuple[str, str]:
        """Make a folder as it is now the source of a pipeline; returns branch and commit.

        `into` is a repository of our own, replaced here. Raises ConnectionError.
        """

    def workspaces(self, state_dir: Path) -> Workspaces:
        """The workspaces of the builder that owns `state_dir`."""

    def place(self, name: str, destination: Destination, hosts: Mapping[str, SshHost]) -> Place:
        """A destination of builder.yaml, to publish there by hand."""

    def labels(self) -> Mapping[str, str]:
        """The labels detected on this machine."""

    def check_machine(
        self, env: Mapping[str, str], sandbox: SandboxSettings
    ) -> Iterable[tuple[str, str, str | None, bool]]:
        """What steps need of this machine: name, result, remedy, whether it is required."""

    def cancel(self, reason: str) -> None:
        """End the running steps of this process."""

"""A pipeline as frozen values: its steps, their kinds, and what a step receives and returns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from common.job_pattern import JobPattern
from common.settings.destinations import Destination
from common.settings.notify import Notify
from common.settings.sandbox import SandboxSettings
from common.settings.ssh_hosts import SshHost
from common.settings.triggers import Triggers
from common.yaml.validate import Text
from pipelines.domain.errors import FailureCode
from pipelines.domain.expressions import SUCCESS, Status, When
from pipelines.domain.network import Network
from pipelines.domain.params import Param
from pipelines.workspace.layout import Workspace


class Options(BaseModel):
    """Base of every model that people fill in through YAML: closed, frozen, strict."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


O_contra = TypeVar("O_contra", bound=Options, contravariant=True)


class BuildRequest(Protocol):
    """The job as a step sees it. Its values come from outside: they are data, never code."""

    @property
    def job_id(self) -> str:
        """Id of the job in the queue."""

    @property
    def attempt(self) -> int:
        """Number of this attempt, from 1."""

    @property
    def builder(self) -> str:
        """Id of the builder that runs the attempt."""

    @property
    def branch(self) -> str | None:
        """Branch of the job, or None."""

    @property
    def commit(self) -> str | None:
        """Full object id; None when the branch could not be resolved at the claim."""

    @property
    def params(self) -> Mapping[str, str]:
        """The job's parameters."""

    @property
    def pipeline(self) -> str:
        """Name of the job's pipeline; "" when it is not known."""

    @property
    def plan_digest(self) -> str:
        """SHA-256 of the attempt's plan; "" when it is not known."""

    @property
    def started(self) -> datetime | None:
        """When the attempt was claimed, in UTC by the builder's clock; None: unknown."""


class Source(Options):
    """Where a pipeline's commits come from."""

    repository: Text
    """URL or path that git can clone; `./` and `../` are relative to the file's folder."""
    submodules: bool = False
    """Check out submodules too, at the commits that the source records."""
    lfs: bool = False
    """Fetch the files that Git LFS stores."""


class RunningAttempt(BuildRequest, Protocol):
    """The attempt that this process runs, with what its builder offers to all steps."""

    @property
    def state_dir(self) -> Path:
        """The folder of workspaces, mirrors and caches."""

    @property
    def env(self) -> Mapping[str, str]:
        """Environment of the builder; pipeline and step may override it."""

    @property
    def declared_env(self) -> Mapping[str, str]:
        """The part of `env` that the builder's owner declared: a result may depend on it."""

    @property
    def began(self) -> float:
        """`time.monotonic()` at the start of the attempt."""

    @property
    def lock_dir(self) -> Path:
        """The folder of the resource locks that all builders of the host share."""

    @property
    def sandbox(self) -> SandboxSettings:
        """How the builder separates the commands of steps from itself."""

    @property
    def default_timeout(self) -> float:
        """Seconds that a step without a timeout may take."""

    @property
    def log_limit(self) -> int:
        """Bytes of a step's log from which output is dropped."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """Values of the secrets that the pipeline names."""

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """Where steps may publish, by name."""

    @property
    def ssh_hosts(self) -> Mapping[str, SshHost]:
        """Where steps may run commands, by name."""

    @property
    def reproduces(self) -> str:
        """Id of the job whose artifacts it makes again; "": it is no such job."""

    @property
    def changed_since(self) -> str | None:
        """The commit that `changed(...)` compares with the job's; None when there is none."""

    @property
    def last_good(self) -> Mapping[str, Mapping[str, Any]]:
        """Values by step of the last good build of the branch; only for a plan that looks back."""

    def show_progress(self, step: str, text: str) -> None:
        """Show the progress of a step in one short line."""

    def show_line(self, step: str, line: str) -> None:
        """Offer a line of the step's log to whoever watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A process to run; its output goes to the step's log."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    """The complete environment of the process; only the marker of its attempt is added."""
    timeout: float | None = None
    """Seconds until the process tree is ended."""
    exit_file: Path | None = None
    """File that the command itself writes its exit code to, even when this process is killed. The
    content of an earlier command stays until this one ends."""
    on_host: bool = False
    """Whether it runs outside the step's sandbox: it runs nothing that the source brings."""
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    """What it uses outside the job: files and folders that may be missing, and folders."""


class CommandRunner(Protocol):
    """Runs commands for one step."""

    def run(self, command: Command, on_line: Callable[[str], None] | None = None) -> int:
        """Run to the end and return the exit code (128+n when a signal ended the command).

        Output goes straight to the step's log; `on_line` gets each line, without its line end, soon
        after it was written. Raises StepFailed (TIMEOUT, TOOL_MISSING) and StepCancelled, after
        the whole process tree has ended.
        """

    def check_cancelled(self) -> None:
        """Raise StepCancelled when the build was asked to stop: for waits and long loops."""

    @property
    def log(self) -> Path:
        """The step's log file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepContext:
    """Everything that a step may use."""

    step: str
    """Name of the step."""
    request: BuildRequest
    workspace: Workspace
    source: Source
    commands: CommandRunner
    env: Mapping[str, str]
    """Environment of the step's processes: the builder's, the pipeline's and the step's."""
    progress: Callable[[str], None]
    """Shows one short line of progress, like `module 3 of 12: core`."""
    upstream: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Values of the steps before it, by step kind."""
    recorded: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Values of all steps that have succeeded, by step name."""
    steps: Sequence[Step] = ()
    """All steps of the pipeline, including this one."""
    dir: str | None = None
    """Folder in the source tree where the step works; None is its top."""
    values: tuple[str, ...] = ()
    """Names of the values that a script must provide."""
    artifacts: Sequence[Path] = ()
    """Files that earlier steps made for the manifest."""
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    """Where it may publish, by name."""
    ssh_hosts: Mapping[str, SshHost] = field(default_factory=dict)
    """Where it may run commands, by name."""
    durations: Mapping[str, float | None] = field(default_factory=dict)
    """Seconds that the last success of each step took, by name; None: unknown."""
    last_good: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Values of the steps of the last good build of the branch, by step name."""
    network: Network = Network.HOST
    """The network of the step's own commands."""
    is_trusted: Callable[[], bool] = lambda: True
    """Whether other jobs of the builder may read what the step leaves in shared caches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """The result of a step that succeeded."""

    reason: str
    """What was done, in a few words: `built 4 modules`."""
    outputs: tuple[Path, ...] = ()
    """Files that must stay unchanged for the step to be up to date."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """JSON values for later steps, the manifest and the transition."""
    digest: str | None = None
    """Identifies everything that was made when the outputs do not: a tree id."""
    complete: bool = False
    """Whether later steps need nothing but `outputs`; otherwise the source tree has more of it."""


class StepKind(Protocol[O_contra]):
    """A step kind (`uses:` in pipelines.yaml). Add one by adding it to the registry."""

    @property
    def name(self) -> str:
        """The word after `uses:`."""

    @property
    def summary(self) -> str:
        """One line for `doit list`."""

    @property
    def options(self) -> type[Options]:
        """The model of the options under `with:`."""

    @property
    def values(self) -> Collection[str]:
        """Names of the values in its results, for `${{ steps.NAME.outputs.VALUE }}`."""

    def identity(self, options: O_contra, context: StepContext) -> Mapping[str, str] | None:
        """What the result depends on besides definition and upstream: tool versions, tree ids.

        None means that the step must run each time: its effect is outside the workspace.
        """

    def run(self, options: O_contra, context: StepContext) -> StepResult:
        """Run the step. Raises StepFailed, StepCancelled."""


class Unresolved(Options):
    """Options with a `${{ }}` in them: `language.substitution` turns them into the kind's own."""

    values: Mapping[str, Any]
    """The options under `with:`, as plain data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a failed step is retried, and after which failures."""

    count: int = 0
    """Retries after the first try."""
    backoff: float = 10.0
    """Seconds before the first retry; each further wait is twice as long."""
    on: tuple[FailureCode, ...] = ()
    """Failures that are retried; all when empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One unit of a pipeline, with `extends`, `include`, `defaults` and `matrix` applied.

    Options (`Unresolved`), env, dir, inputs, outputs, artifacts and resources may contain `${{ }}`
    until `language.substitution` replaces it, just before the step runs. A script never does: the
    values that it refers to are in `env`.
    """

    name: str
    kind: StepKind[Any]
    """For a `run:` step the kind `run`, with the script in its options."""
    options: Options
    needs: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment on top of the builder's; includes the pipeline's."""
    dir: str | None = None
    """Folder in the source tree where the step works; None is its top."""
    inputs: tuple[str, ...] = ()
    """Patterns of source files that the result depends on; none: the whole commit."""
    outputs: tuple[str, ...] = ()
    """Patterns of files in the source tree that the step makes."""
    artifacts: tuple[str, ...] = ()
    """Patterns of files in the source tree that the manifest lists."""
    values: tuple[str, ...] = ()
    """For a `run:` step, names of its values; those of a step kind are in `kind.values`."""
    when: When = SUCCESS
    timeout: float | None = None
    """Seconds for the whole step."""
    silent_timeout: float | None = None
    """Seconds that the step may run without a line of output."""
    retries: Retries = field(default_factory=Retries)
    allow_failure: bool = False
    """Its failure is recorded, and the pipeline continues as if it had succeeded."""
    matrix: Mapping[str, str] = field(default_factory=dict)
    """The matrix values of this step."""
    resources: tuple[str, ...] = ()
    """Names of locks: steps that share one never overlap on a host."""
    network: Network = Network.HOST
    """The network of its commands."""
    ssh_agent: bool = False
    """Whether its commands may use the builder's ssh agent."""
    memory: int | None = None
    """Bytes that each of its commands may use; None: as the builder says."""
    cpus: float | None = None
    """Processors that each of its commands may use; None: as the builder says."""
    place: object = field(default="", compare=False)
    """`str()` of it is `file:line:column` of the step, computed on demand."""

    @property
    def always(self) -> bool:
        """Whether it may run even after an earlier step failed."""
        return self.when.mentions(Status.ALWAYS) or self.when.mentions(Status.FAILURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """An ordered set of steps that makes packages from a commit."""

    name: str
    description: str
    source: Source
    steps: tuple[Step, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    takes: JobPattern | None = None
    """`for:`; None: only jobs that name the pipeline."""
    triggers: Triggers = field(default_factory=Triggers)
    trusted: tuple[str, ...] | None = None
    """Patterns of the branches whose jobs may write what other jobs read; None: all jobs may."""
    notify: tuple[Notify, ...] = ()
    labels: tuple[str, ...] = ()
    """Labels that the builder must have: `jdk=17`, `docker`."""
    params: Mapping[str, Param] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    """Names of secrets; a step receives one only if its env contains `${{ secrets.NAME }}`."""
    timeout: float | None = None
    """Seconds for the whole attempt."""
    concurrency: int | None = None
    """Jobs of it that may run in the farm at the same time; None: any number."""
    max_attempts: int | None = None
    """Attempts that may end with a dead builder before the job fails; None: the queue's default."""
    place: object = field(default="", compare=False)
    """`str()` of it is `file:line:column` of the pipeline."""
    by_name: Mapping[str, Step] = field(init=False, repr=False, compare=False)
    """The steps by name; computed once, because each of 1,000 steps looks others up."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {step.name: step for step in self.steps})

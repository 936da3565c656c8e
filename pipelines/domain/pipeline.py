"""The words of a pipeline as frozen values: what the file says, what a step gets and gives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict

from common.yaml.validate import Text
from pipelines.domain.errors import FailureCode
from pipelines.domain.expressions import SUCCESS, Status, When
from pipelines.workspace.layout import Workspace


class Options(BaseModel):
    """Base of every model that a person fills in through YAML: closed, frozen, strict."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


O_contra = TypeVar("O_contra", bound=Options, contravariant=True)


class BuildRequest(Protocol):
    """The job as a step sees it. Its values come from outside: data, never part of a script."""

    @property
    def job_id(self) -> str:
        """Id of the job in the queue."""

    @property
    def attempt(self) -> int:
        """Number of this attempt, from 1."""

    @property
    def builder(self) -> str:
        """Id of the builder that makes the attempt."""

    @property
    def branch(self) -> str | None:
        """Branch that the job names, or None."""

    @property
    def commit(self) -> str | None:
        """Full object id; None when the branch could not be resolved at claim time."""

    @property
    def params(self) -> Mapping[str, str]:
        """The job's parameters."""


class Source(Options):
    """Where a pipeline's commits come from."""

    repository: Text
    """URL or path that git can clone; `./` and `../` are taken from the file's folder."""
    submodules: bool = False
    """Check out submodules too, at the commits that the source names."""
    lfs: bool = False
    """Fetch the files that Git LFS keeps."""


class RunningAttempt(BuildRequest, Protocol):
    """The attempt that this process makes, with what its builder offers to all steps."""

    @property
    def state_dir(self) -> Path:
        """Where workspaces, mirrors and caches are."""

    @property
    def env(self) -> Mapping[str, str]:
        """Environment of the builder, below that of pipeline and step."""

    @property
    def declared_env(self) -> Mapping[str, str]:
        """What of `env` the builder's owner declared: a result may depend on it."""

    @property
    def pipeline(self) -> str:
        """Name of the job's pipeline; "" when it is not known."""

    @property
    def began(self) -> float:
        """`time.monotonic()` at which the attempt began."""

    @property
    def lock_dir(self) -> Path:
        """Where the locks on resources are that all builders of the host share."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """Values of the secrets that the pipeline names."""

    @property
    def changed_since(self) -> str | None:
        """The commit that `changed(...)` compares the job's with; None when there is none."""

    def show_progress(self, step: str, text: str) -> None:
        """Show how far a step is, in one short line."""

    def show_line(self, step: str, line: str) -> None:
        """Offer a line of the step's log to who watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One process to run; its output goes to the step's log."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    """The whole environment of the process; only the marker of its attempt is added."""
    timeout: float | None = None
    """Seconds until the process tree is ended."""
    exit_file: Path | None = None
    """Gets the exit code from the command's own side, also when this process is killed. What an
    earlier command left in it stays until this one ends."""


class CommandRunner(Protocol):
    """Runs commands for one step."""

    def run(self, command: Command, on_line: Callable[[str], None] | None = None) -> int:
        """Run to the end and give the exit code (128+n when a signal ended the command).

        Output goes straight to the step's log; `on_line` gets each line, without its end, soon
        after it was written. Raises StepFailed (TIMEOUT, TOOL_MISSING) and StepCancelled; then
        the whole process tree is gone.
        """

    def check_cancelled(self) -> None:
        """Raise StepCancelled when the build was told to end: for waits and long loops."""

    @property
    def log(self) -> Path:
        """The step's log file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepContext:
    """All that a step may use."""

    step: str
    """Name of the step."""
    request: BuildRequest
    workspace: Workspace
    source: Source
    commands: CommandRunner
    env: Mapping[str, str]
    """Environment for the step's processes: the builder's, the pipeline's, the step's."""
    progress: Callable[[str], None]
    """Shows one short line to who watches, like `module 3 of 12: core`."""
    upstream: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Values that the steps before it gave, by kind of step."""
    steps: Sequence[Step] = ()
    """All steps of the pipeline, this one too."""
    dir: str | None = None
    """Folder in the source tree where the step works; None is its top."""
    values: tuple[str, ...] = ()
    """Names of the values that a script has to give."""
    artifacts: Sequence[Path] = ()
    """Files that steps before this one made for the manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What a step that succeeded gives."""

    reason: str
    """What was done, in a few words: `built 4 modules`."""
    outputs: tuple[Path, ...] = ()
    """Files that must still be what they are now for the step to be up to date."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """JSON values for later steps, the manifest and the transition."""
    digest: str | None = None
    """Stands for all that was made, when the outputs don't: a tree id."""
    complete: bool = False
    """Whether `outputs` are all that later steps need of it; else it left more in the source."""


class StepKind(Protocol[O_contra]):
    """One kind of step (`uses:` in pipelines.yaml). Add one by adding it to the registry."""

    @property
    def name(self) -> str:
        """The word after `uses:`."""

    @property
    def summary(self) -> str:
        """One line for `doit list`."""

    @property
    def options(self) -> type[Options]:
        """The model of what may stand under `with:`."""

    @property
    def values(self) -> Collection[str]:
        """Names of the values in its results, for `${{ steps.NAME.outputs.VALUE }}`."""

    def identity(self, options: O_contra, context: StepContext) -> Mapping[str, str] | None:
        """What the result depends on beside definition and upstream: tool versions, tree ids.

        None means that the step has to run each time: its effect is outside the workspace.
        """

    def run(self, options: O_contra, context: StepContext) -> StepResult:
        """Do it. Raises StepFailed, StepCancelled."""


@runtime_checkable
class EndsAlone(Protocol):
    """A kind of step that can tell whether a run came to its end after `doit build` was killed."""

    def ended_result(self, options: Any, context: StepContext) -> StepResult | None:
        """The result of that run; None when it failed or did not come to its end."""


@runtime_checkable
class LooksAhead(Protocol):
    """A kind of step that can tell early, and in seconds, that it can't do its work here."""

    def preflight(self, options: Any, context: StepContext) -> str:
        """Check without changing source or machine; what was found, in a few words.

        Raises StepFailed with the code that `run` would fail of.
        """

    def preflight_identity(self, options: Any, context: StepContext) -> Mapping[str, str]:
        """What the answer depends on beside the options; starts no program that takes time."""


class Unresolved(Options):
    """Options in which a `${{ }}` still stands: `language.substitution` makes the kind's own."""

    values: Mapping[str, Any]
    """What stands under `with:`, as plain data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a step that failed is tried again, and after which failures."""

    count: int = 0
    """Tries after the first one."""
    backoff: float = 10.0
    """Seconds before the second try; each further wait is twice as long."""
    on: tuple[FailureCode, ...] = ()
    """Failures that are tried again; all when empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One unit of a pipeline; `extends`, `include`, `defaults` and `matrix` are worked in.

    In options (`Unresolved`), env, dir, inputs, outputs, artifacts and resources a `${{ }}` may
    stand until `language.substitution` replaces it, just before the step runs. Never in a script:
    what a script refers to is in `env`.
    """

    name: str
    kind: StepKind[Any]
    """Of a `run:` step the kind `run`, with the script in its options."""
    options: Options
    needs: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment on top of the builder's; the pipeline's is worked in."""
    dir: str | None = None
    """Folder in the source tree where the step works; None is its top."""
    inputs: tuple[str, ...] = ()
    """Patterns of files in the source on which the result depends; none: on the whole commit."""
    outputs: tuple[str, ...] = ()
    """Patterns of files in the source that the step makes."""
    artifacts: tuple[str, ...] = ()
    """Patterns of files in the source that the manifest lists."""
    values: tuple[str, ...] = ()
    """Of a `run:` step, names of the values that it gives; a kind's own are in `kind.values`."""
    when: When = SUCCESS
    timeout: float | None = None
    """Seconds for the whole step."""
    silent_timeout: float | None = None
    """Seconds that the step may go on without a line of output."""
    retries: Retries = field(default_factory=Retries)
    allow_failure: bool = False
    """Its failure is recorded, and the pipeline goes on as if it had succeeded."""
    matrix: Mapping[str, str] = field(default_factory=dict)
    """The values that this step was expanded with."""
    resources: tuple[str, ...] = ()
    """Names of locks: steps that share one never overlap on a host."""
    place: object = field(default="", compare=False)
    """`str()` of it is `file:line:column` of the step; it is worked out when somebody asks."""

    @property
    def always(self) -> bool:
        """Whether it may have its turn also after a step before it failed."""
        return self.when.mentions(Status.ALWAYS) or self.when.mentions(Status.FAILURE)


class ParamType(StrEnum):
    """What the value of a parameter can be."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """A value that a job may give."""

    name: str
    type: ParamType = ParamType.STRING
    default: str | None = None
    """Its text when the job gives none; None: the job has to."""
    choices: tuple[str, ...] = ()
    """The only values there are; any when empty."""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPattern:
    """Which jobs a pipeline takes."""

    types: tuple[str, ...] = ()
    """Types of jobs; any when empty."""
    branches: tuple[str, ...] = ()
    """Patterns of branches, `*` also over `/`; any when empty."""

    def fits(self, job_type: str, branch: str | None) -> bool:
        """Whether a job of this type and branch is one of them."""
        return (not self.types or job_type in self.types) and (
            not self.branches
            or (branch is not None and any(fnmatchcase(branch, p) for p in self.branches))
        )


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
    labels: tuple[str, ...] = ()
    """What the builder must offer: `jdk=17`, `docker`."""
    params: Mapping[str, Param] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    """Names of secrets; a step gets one only where its env says `${{ secrets.NAME }}`."""
    timeout: float | None = None
    """Seconds for the whole attempt."""
    max_attempts: int | None = None
    """Attempts that a dead builder may use up; None: the queue's own number."""
    place: object = field(default="", compare=False)
    """`str()` of it is `file:line:column` of the pipeline."""
    by_name: Mapping[str, Step] = field(init=False, repr=False, compare=False)
    """The steps by their names; made once, because each of 1,000 steps looks others up."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {step.name: step for step in self.steps})

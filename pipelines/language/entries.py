"""The contents of `pipelines.yaml` as typed models; the schema is made from them too."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from annotated_types import Len
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from common.settings.notify import When
from common.settings.sandbox import LEAST_CPUS, parse_cpus, parse_memory
from common.settings.triggers import Supersede, check_cron, check_timezone
from common.yaml.findings import did_you_mean
from common.yaml.size import SIZE
from common.yaml.validate import Duration, Several, Text
from pipelines.domain.errors import FailureCode
from pipelines.domain.evidence import RequiredEvidence
from pipelines.domain.params import ParamType
from pipelines.domain.pipeline import Options, Source

MAX_RETRIES = 20
MAX_MATRIX = 256

Shell = Literal["bash", "sh", "python"]


def inside_source(path: str) -> str:
    """`path` if it stays in the source tree. Raises ValueError."""
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts:
        raise ValueError(f"expected a path inside the source tree, found '{path}'")
    return path


def _failure_code(code: str) -> str:
    if code not in FailureCode.__members__:
        raise ValueError(f"unknown failure code '{code}'{did_you_mean(code, FailureCode)}")
    return code


Memory = Annotated[
    int,
    BeforeValidator(parse_memory),
    WithJsonSchema({"type": ["string", "integer"], "pattern": SIZE, "format": "size"}),
]
Cpus = Annotated[
    float,
    BeforeValidator(parse_cpus),
    WithJsonSchema({"type": ["number"], "minimum": LEAST_CPUS, "format": "processors"}),
]
InsideSource = Annotated[Text, AfterValidator(inside_source)]
Code = Annotated[Text, AfterValidator(_failure_code)]


def _count_alone(value: Any) -> Any:
    return {"count": value} if isinstance(value, int) and not isinstance(value, bool) else value


class RetriesEntry(Options):
    """How often a failed step is retried; a number alone is the `count`."""

    count: int = Field(ge=0, le=MAX_RETRIES)
    """Retries after the first try."""
    backoff: Duration = 10.0
    """Wait before the first retry; each further wait is twice as long."""
    on: Several[Code] = ()
    """Failure codes after which the step is retried; all when omitted."""


RetriesOrCount = Annotated[RetriesEntry, BeforeValidator(_count_alone)]


def _no_reference(text: str) -> str:
    if "${{" in text:
        raise ValueError("a matrix value must not be a reference")
    return text


MatrixValue = Annotated[Text, AfterValidator(_no_reference)]


class MatrixEntry(Options):
    """Lists of values: `jdk: [11, 17]`. Each combination of them becomes one step."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Several[MatrixValue], Len(min_length=1)]]

    include: Several[dict[str, MatrixValue]] = ()
    """More combinations, or more values for matching combinations."""
    exclude: Several[dict[str, MatrixValue]] = ()
    """Values of the combinations to leave out."""

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The names with their values as text, without `include` and `exclude`."""
        return self.__pydantic_extra__ or {}


class StepEntry(Options):
    """A step as written in the file."""

    uses: Text | None = None
    """Step kind; either this or `run`."""
    run: Text | None = Field(default=None, min_length=1)
    """Script to run in the source tree; either this or `uses`."""
    shell: Shell | None = None
    """Interpreter of the script: `bash` (stops at the first command that fails, even in a pipe),
    `sh` or `python`."""
    name: Text | None = None
    """Name of the step; defaults to its kind, and to `run` for a script."""
    needs: Several[Text] | None = None
    """Steps that must end first; defaults to the step above; `[]` for none."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """Options of the step kind."""
    env: dict[str, Text] = Field(default_factory=dict)
    """Environment variables."""
    dir: InsideSource | None = None
    """Folder in the source tree where the step works."""
    inputs: Several[InsideSource] = ()
    """Patterns of the files whose content and mode the result depends on; each must match a file.
    The whole commit when omitted."""
    outputs: Several[InsideSource] = ()
    """Patterns of all files that the step makes; they must exist when it ends. With `inputs` too,
    other jobs on the builder can reuse the files."""
    artifacts: Several[InsideSource] = ()
    """Patterns of the files that the manifest lists."""
    values: Several[Text] = ()
    """Names of the values that the script of a `run` step passes to later steps."""
    when: Text = "success"
    """`success`, `failure`, `always`, or a condition like `params.deploy == true`."""
    timeout: Duration | None = None
    """Maximum time for the whole step."""
    silent_timeout: Duration | None = None
    """Maximum time without a line of output."""
    retries: RetriesOrCount | None = None
    """How often the step is retried after a failure."""
    allow_failure: bool = False
    """Whether the pipeline continues after this step failed."""
    matrix: MatrixEntry | None = None
    """Makes one step for each combination of values: `jdk: [11, 17]`."""
    resources: Several[Text] = ()
    """Names of locks: steps that share one never run at the same time on a host."""
    network: Literal["host", "none"] = "host"
    """`none`: the commands of the step reach only themselves, through 127.0.0.1. It needs the
    sandbox of the builder."""
    ssh_agent: bool = False
    """Whether the commands of the step may use the builder's ssh agent."""
    memory: Memory | None = None
    """Memory that each command of the step may use, with all that it starts: `4G`. A step that
    needs more fails with OUT_OF_MEMORY. `step_memory` of the builder is the maximum."""
    cpus: Cpus | None = None
    """Processors that each command of the step may use: `2`, `0.5`. `step_cpus` of the builder is
    the maximum."""


class DefaultsEntry(Options):
    """Settings of all steps of the pipeline; a step may override them."""

    shell: Shell | None = None
    """Interpreter of the scripts of `run` steps."""
    env: dict[str, Text] = Field(default_factory=dict)
    """Environment variables, unless the step sets them itself."""
    dir: InsideSource | None = None
    """Folder in the source tree where `run` steps work."""
    timeout: Duration | None = None
    """Maximum time for a whole step."""
    silent_timeout: Duration | None = None
    """Maximum time without a line of output."""
    retries: RetriesOrCount | None = None
    """How often a step is retried after a failure."""


class ParamEntry(Options):
    """A value that a job may set."""

    type: ParamType | None = Field(default=None, strict=False)
    """`string`, `integer` or `boolean`."""
    default: Text | None = None
    """The value when the job sets none; without a default, the job must set one."""
    choices: Several[Text] = ()
    """The allowed values."""
    description: Text = ""
    """What the parameter is for."""


class ForEntry(Options):
    """Which of the jobs that name no pipeline it takes."""

    types: Several[Text] = ()
    """Types of jobs; any when omitted."""
    branches: Several[Text] = ()
    """Patterns of branches, like `4.*`; any when omitted."""


def _one_alone(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class PushEntry(Options):
    """Branches and tags of the source whose moves start jobs; patterns like `4.*`."""

    branches: Several[Text] = ()
    """Patterns of branches."""
    paths: Several[Text] = ()
    """Patterns of files, of which a push to a branch must change one; any when omitted."""
    tags: Several[Text] = ()
    """Patterns of tags."""
    supersede: Supersede = Field(default=Supersede.NOTHING, strict=False)
    """Older jobs of the branch that a new commit cancels: `waiting` ones, or `running` ones too."""


class ScheduleEntry(Options):
    """Times at which a branch is built."""

    cron: Annotated[Text, AfterValidator(check_cron)]
    """Minute, hour, day, month, weekday: `0 3 * * MON-FRI`."""
    timezone: Annotated[Text, AfterValidator(check_timezone)] = "UTC"
    """Name of the time zone, like `Europe/Berlin`."""
    branch: Text
    """The branch to build."""


class TriggersEntry(Options):
    """What starts jobs of the pipeline by itself."""

    push: PushEntry | None = None
    """Branches and tags of the source whose moves start jobs."""
    schedule: Annotated[tuple[ScheduleEntry, ...], BeforeValidator(_one_alone)] = Field(
        default=(), strict=False
    )
    """Times at which a branch is built; one or a list."""
    after: Several[Text] = ()
    """Pipelines whose success starts a job for the same branch and commit."""


class TrustedEntry(Options):
    """Jobs that may write what other jobs read: downloads, built modules, outputs of steps."""

    branches: Several[Text]
    """Patterns of branches, like `4.*`; a job's commit must be on its branch."""


class NotifyEntry(Options):
    """Whom to tell about the jobs of the pipeline."""

    to: Annotated[Several[Text], Len(min_length=1)]
    """Channels of `farm.yaml`."""
    when: Several[Annotated[When, Field(strict=False)]] = (When.FAILURE, When.RECOVERY)
    """`failure` (the first of a branch), `recovery` (the first success after it), `always` (each
    job that ends)."""


class PipelineEntry(Options):
    """A pipeline as written in the file."""

    extends: Text | None = None
    """Another pipeline, whose keys this one inherits and may override."""
    description: Text
    """One line that describes the pipeline."""
    source: Source
    """Where the commits come from."""
    for_: ForEntry | None = Field(default=None, alias="for")
    """Which of the jobs that name no pipeline it takes."""
    triggers: TriggersEntry | None = None
    """What starts jobs of the pipeline by itself."""
    trusted: TrustedEntry | None = None
    """Whose jobs may write what other jobs read; all jobs when omitted."""
    requires_evidence: RequiredEvidence | None = None
    """What the results must show. A step `evidence` checks it before `publish`, `ssh` and
    `publish-status` steps."""
    notify: Annotated[tuple[NotifyEntry, ...], BeforeValidator(_one_alone)] = Field(
        default=(), strict=False
    )
    """Whom to tell about its jobs; one or a list. Instead of the channels for `job_failed`."""
    labels: Several[Text] = ()
    """Labels that the builder must have: `jdk=17`, `docker`."""
    params: dict[str, ParamEntry] = Field(default_factory=dict)
    """Values that a job may set."""
    env: dict[str, Text] = Field(default_factory=dict)
    """Environment variables of all steps."""
    secrets: Several[Text] = ()
    """Names of secrets; the builder has their values."""
    defaults: DefaultsEntry | None = None
    """Settings of all steps that do not set them."""
    timeout: Duration | None = None
    """Maximum time for the whole attempt."""
    concurrency: int | None = Field(default=None, ge=1, le=1000)
    """Jobs of the pipeline that may run in the whole farm at the same time; any number when
    omitted."""
    max_attempts: int | None = Field(default=None, ge=1, le=100)
    """Attempts that may end with a dead builder before the job fails."""
    steps: Several[StepEntry]
    """The steps, in order."""


class RawFile(Options):
    """The top-level keys of a file; its pipelines are checked one by one."""

    include: Several[Text] = ()
    """Other files with pipelines, relative to this one, in or below the folder of the main file."""
    pipelines: dict[str, Any]
    """The pipelines by name."""


class PipelinesFile(RawFile):
    """The whole file."""

    pipelines: dict[str, PipelineEntry]
    """The pipelines by name."""

"""What may stand in `pipelines.yaml`, as typed models: also the schema is made from them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from annotated_types import Len
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from common.yaml.duration import Duration
from common.yaml.findings import did_you_mean
from common.yaml.validate import Several, Text
from pipelines.domain.errors import FailureCode
from pipelines.domain.pipeline import Options, ParamType, Source

MAX_RETRIES = 20
MAX_MATRIX = 256

Shell = Literal["bash", "sh", "python"]


def inside_source(path: str) -> str:
    """`path` if it stays in the source tree. Raises ValueError."""
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts:
        raise ValueError(f"'{path}' is not a path inside the source")
    return path


def _failure_code(code: str) -> str:
    if code not in FailureCode.__members__:
        raise ValueError(f"there is no failure code '{code}'{did_you_mean(code, FailureCode)}")
    return code


InsideSource = Annotated[Text, AfterValidator(inside_source)]
Code = Annotated[Text, AfterValidator(_failure_code)]


def _count_alone(value: Any) -> Any:
    return {"count": value} if isinstance(value, int) and not isinstance(value, bool) else value


class RetriesEntry(Options):
    """How often a step that failed is tried again; a number alone is the `count`."""

    count: int = Field(ge=0, le=MAX_RETRIES)
    """Tries after the first one."""
    backoff: Duration = 10.0
    """Wait before the second try; each further wait is twice as long."""
    on: Several[Code] = ()
    """Failure codes after which it is tried again; after all when not given."""


RetriesOrCount = Annotated[RetriesEntry, BeforeValidator(_count_alone)]


def _no_reference(text: str) -> str:
    if "${{" in text:
        raise ValueError("a value of a matrix can't be a reference")
    return text


MatrixValue = Annotated[Text, AfterValidator(_no_reference)]


class MatrixEntry(Options):
    """Values to make one step each from: `jdk: [11, 17]`; one for each combination."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Several[MatrixValue], Len(min_length=1)]]

    include: Several[dict[str, MatrixValue]] = ()
    """More combinations, or more values for those that fit."""
    exclude: Several[dict[str, MatrixValue]] = ()
    """Combinations to leave out: all that have these values."""

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The names with their values as text, without `include` and `exclude`."""
        return self.__pydantic_extra__ or {}


class StepEntry(Options):
    """A step as the file has it."""

    uses: Text | None = None
    """Kind of the step; either this or `run`."""
    run: Text | None = Field(default=None, min_length=1)
    """Script to run in the source tree; either this or `uses`."""
    shell: Shell | None = None
    """What runs the script: `bash` (which stops at the first command that fails, also in a pipe),
    `sh` or `python`."""
    name: Text | None = None
    """Name of the step; the kind's when not given, and `run` for a script."""
    needs: Several[Text] | None = None
    """Steps that must have ended before; the step before it when not given, `[]` for none."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """Options of the kind of step."""
    env: dict[str, Text] = Field(default_factory=dict)
    """Environment variables."""
    dir: InsideSource | None = None
    """Folder in the source tree where the step works."""
    inputs: Several[InsideSource] = ()
    """Patterns of the files on which the result depends, content and mode; each has to match. The
    whole commit when not given."""
    outputs: Several[InsideSource] = ()
    """Patterns of the files that the step makes; they must be there when it ends. What an earlier
    run of it made is removed before it runs again, but nothing that the commit has."""
    artifacts: Several[InsideSource] = ()
    """Patterns of the files that are listed in the manifest."""
    values: Several[Text] = ()
    """Names of the values that the script of a `run` step gives to later steps."""
    when: Text = "success"
    """`success`, `failure`, `always`, or a condition like `params.deploy == true`."""
    timeout: Duration | None = None
    """Time for the whole step."""
    silent_timeout: Duration | None = None
    """How long the step may go on without a line of output."""
    retries: RetriesOrCount | None = None
    """How often it is tried again when it failed."""
    allow_failure: bool = False
    """Whether the pipeline goes on when the step failed."""
    matrix: MatrixEntry | None = None
    """Makes one step for each combination of values: `jdk: [11, 17]`."""
    resources: Several[Text] = ()
    """Names of locks: steps that share one never run at the same time on a host."""


class DefaultsEntry(Options):
    """What all steps of the pipeline have unless they say otherwise."""

    shell: Shell | None = None
    """For `run` steps."""
    env: dict[str, Text] = Field(default_factory=dict)
    """For each variable that the step does not set itself."""
    dir: InsideSource | None = None
    """Folder in the source tree."""
    timeout: Duration | None = None
    """Time for a whole step."""
    silent_timeout: Duration | None = None
    """How long a step may go on without a line of output."""
    retries: RetriesOrCount | None = None
    """How often a step is tried again when it failed."""


class ParamEntry(Options):
    """A value that a job may give."""

    type: ParamType | None = Field(default=None, strict=False)
    """`string`, `integer` or `boolean`."""
    default: Text | None = None
    """The value when the job gives none; without it the job has to."""
    choices: Several[Text] = ()
    """The only values there are."""
    description: Text = ""
    """What the parameter is for."""


class ForEntry(Options):
    """Which jobs that name no pipeline it takes."""

    types: Several[Text] = ()
    """Types of jobs; any when not given."""
    branches: Several[Text] = ()
    """Patterns of branches, like `4.*`; any when not given."""


class PipelineEntry(Options):
    """A pipeline as the file has it."""

    extends: Text | None = None
    """Another pipeline: this one has all that it has, and changes what it says itself."""
    description: Text
    """One line for people."""
    source: Source
    """Where the commits come from."""
    for_: ForEntry | None = Field(default=None, alias="for")
    """Which jobs that name no pipeline it takes."""
    labels: Several[Text] = ()
    """Labels that the builder must have: `jdk=17`, `docker`."""
    params: dict[str, ParamEntry] = Field(default_factory=dict)
    """Values that a job may give."""
    env: dict[str, Text] = Field(default_factory=dict)
    """Environment variables of all steps."""
    secrets: Several[Text] = ()
    """Names of secrets, whose values the builder has."""
    defaults: DefaultsEntry | None = None
    """What all steps have unless they say otherwise."""
    timeout: Duration | None = None
    """Time for the whole attempt."""
    max_attempts: int | None = Field(default=None, ge=1, le=100)
    """Attempts that a dead builder may use up."""
    steps: Several[StepEntry]
    """What is done, in order."""


class RawFile(Options):
    """The outermost keys of a file; its pipelines are looked at one by one."""

    include: Several[Text] = ()
    """Other files with pipelines, relative to this one and not above the first one's folder."""
    pipelines: dict[str, Any]
    """The pipelines by name."""


class PipelinesFile(RawFile):
    """The whole file."""

    pipelines: dict[str, PipelineEntry]
    """The pipelines by name."""

"""The public names for packages with step kinds of their own.

Import from here only: the modules behind these names may move. docs/how-to.md shows a whole
package. The entry point names an object, a `StepKind`:

- `name` is the word after `uses:` and the name of the entry point; `summary` is one line.
- `options` is a subclass of `Options`, the model of the options under `with:`. An error there is
  reported with its line when `pipelines.yaml` is read, before any job starts.
- `values` names what `StepResult.values` may hold, for `${{ steps.NAME.outputs.VALUE }}`.
- `identity(options, context)` returns what the result depends on besides the step's definition
  and the steps before it, such as tool versions. It starts nothing slow and changes nothing.
  None means that the step runs every time.
- `run(options, context)` does the work and returns a `StepResult`. It starts programs with
  `context.commands` alone, which write to the step's log, obey time limits and end with the build.
  It raises `StepFailed` with a `FailureCode`; any other exception is reported as a bug of the
  kind (INTERNAL). `StepCancelled` passes through.

A kind may also be a `LooksAhead` (checked by the step `preflight`), an `EndsAlone` (its success
counts even if `doit build` was killed meanwhile), a `KeepsFiles` (it continues with the files of
its own failed try) or a `MakesSource` (it makes the source tree). One object serves all steps of
its kind, even concurrently: it keeps no state.
"""

from common.yaml.validate import Text
from pipelines.domain.errors import FailureCode, StepCancelled, StepFailed
from pipelines.domain.pipeline import (
    BuildRequest,
    Command,
    CommandRunner,
    Options,
    StepContext,
    StepKind,
    StepResult,
)
from pipelines.domain.step_abilities import EndsAlone, KeepsFiles, LooksAhead, MakesSource
from pipelines.workspace.layout import Workspace

__all__ = [
    "BuildRequest",
    "Command",
    "CommandRunner",
    "EndsAlone",
    "FailureCode",
    "KeepsFiles",
    "LooksAhead",
    "MakesSource",
    "Options",
    "StepCancelled",
    "StepContext",
    "StepFailed",
    "StepKind",
    "StepResult",
    "Text",
    "Workspace",
]

"""A step that succeeded, as its record says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipelines.domain.pipeline import Options, Step, StepContext, StepKind, StepResult
from pipelines.execution.success_records import (
    SuccessRecord,
    SuccessRecords,
    boot_id,
    record_outputs,
)


def after(
    context: StepContext, kind: StepKind[Any], options: Options, result: StepResult
) -> StepContext:
    """The context of a later step, after this kind of step had this result."""
    workspace = context.workspace
    SuccessRecords(workspace.successes).write(
        SuccessRecord(
            step=kind.name,
            fingerprint={},
            outputs=record_outputs(result.outputs, workspace.root),
            values=result.values,
            reason=result.reason,
            boot_id=boot_id(),
            attempt=1,
            duration_seconds=1.0,
            run="1",
            after={},
            complete=result.complete,
        )
    )
    step = Step(name=kind.name, kind=kind, options=options, needs=())
    return replace(context, step="later", steps=(*context.steps, step))

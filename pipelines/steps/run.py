"""`run:`: runs a script of the pipeline in the source tree.

The script is a file that runs unchanged: values of the job never become part of its text, they are
environment variables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from common.redaction import mask_url_credentials
from common.yaml.validate import Text
from pipelines.domain.errors import FailureCode
from pipelines.domain.pipeline import BuildRequest, Command, Options, StepContext, StepResult
from pipelines.failures.evidence import Evidence
from pipelines.failures.verdict import verdict
from pipelines.processes.exit_file import recorded_code
from pipelines.steps.run_outputs import OUTPUT_VARIABLE, read_outputs
from pipelines.workspace.removal import discard

_SHELLS = {
    "bash": ("bash", "-euo", "pipefail"),
    "sh": ("sh", "-eu"),
    "python": ("python3",),
}
_COUNTED = ("BUILD_JOB", "BUILD_COMMIT", "BUILD_BRANCH", "BUILD_BUILDER")
"""Not the attempt: steps that succeeded in an earlier one are not repeated."""


class RunOptions(Options):
    """The script, and its interpreter."""

    script: Text = Field(min_length=1)
    """Text of the script. The job's values are in BUILD_JOB, BUILD_COMMIT, BUILD_BRANCH,
    BUILD_ATTEMPT, BUILD_BUILDER and, for each parameter, PARAM_NAME. Write values for later steps
    as lines NAME=value to the file $STEP_OUTPUT. If a variable in the script or in env has another
    value (except BUILD_ATTEMPT), the step runs again."""
    shell: Literal["bash", "sh", "python"] = "bash"
    """bash stops at the first command that fails, even in a pipe; sh too, but not in a pipe."""


def request_environment(request: BuildRequest) -> dict[str, str]:
    """The job's values as environment variables; missing ones are empty."""
    values = {
        "BUILD_JOB": request.job_id,
        "BUILD_ATTEMPT": str(request.attempt),
        "BUILD_BUILDER": request.builder,
        "BUILD_BRANCH": request.branch or "",
        "BUILD_COMMIT": request.commit or "",
    }
    params = {f"PARAM_{_variable(name)}": value for name, value in request.params.items()}
    return values | params


def run_command(options: RunOptions, context: StepContext) -> Command:
    """The command that runs the script, whose file is the last argument. Pure."""
    script = context.workspace.scratch(context.step) / "script"
    given = {OUTPUT_VARIABLE: str(_output_file(context))}
    return Command(
        argv=(*_SHELLS[options.shell], str(script)),
        cwd=context.workspace.source / (context.dir or ""),
        env={**context.env, **request_environment(context.request), **given},
        exit_file=context.workspace.exit_code(context.step),
    )


def _output_file(context: StepContext) -> Path:
    return context.workspace.scratch(context.step) / "output"


class Run:
    """Runs a script; its exit code is the result."""

    name = "run"
    summary = "run a script in the source tree"
    options = RunOptions
    values: tuple[str, ...] = ()

    def identity(
        self,
        options: RunOptions,
        context: StepContext,
    ) -> Mapping[str, str]:
        """The job's parameters, which a script may use, and other values that it mentions.

        A value counts if its variable occurs in the script or in a variable of its environment:
        most scripts use none, and their results are valid for other jobs and branches.
        """
        texts = (options.script, *context.env.values())
        values = request_environment(context.request)
        named = {name for name in _COUNTED for text in texts if _names(text, name)}
        # With a character that no parameter's name contains.
        return {**context.request.params, **{f"${name}": values[name] for name in named}}

    def run(self, options: RunOptions, context: StepContext) -> StepResult:
        """Run the script; the result has its values for later steps.

        Raises StepFailed (COMMAND_FAILED or the code of the tool that failed, BAD_OUTPUT).
        """
        command = run_command(options, context)
        scratch = context.workspace.scratch(context.step)
        # A script of an earlier try may have linked its files to others of the builder.
        discard(scratch, scratch.with_name(f"{scratch.name}.discarded"))
        scratch.mkdir(parents=True)
        (scratch / "script").write_text(options.script, encoding="utf-8")
        _output_file(context).write_bytes(b"")
        evidence = Evidence()
        code = context.commands.run(command, lambda line: evidence.feed(mask_url_credentials(line)))
        if code:
            raise verdict(
                "the script",
                f"the script failed with exit code {code}",
                code,
                evidence,
                own=FailureCode.COMMAND_FAILED,
                source=context.workspace.source,
            )
        return _result(context)

    def ended_result(
        self,
        options: RunOptions,  # noqa: ARG002
        context: StepContext,
    ) -> StepResult | None:
        """See EndsAlone."""
        code = recorded_code(context.workspace.exit_code(context.step))
        return _result(context) if code == 0 else None


RUN = Run()


def _result(context: StepContext) -> StepResult:
    values = read_outputs(_output_file(context), context.values)
    return StepResult(reason="the script succeeded", values=values)


def _names(text: str, variable: str) -> bool:
    return variable in text and re.search(rf"\b{variable}\b", text) is not None


def _variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9_]", "_", name.upper())

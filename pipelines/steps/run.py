"""`run:`: runs a script of the pipeline in the source tree.

The script is a file that is run as it stands: values of the job never become part of its text,
they are environment variables.
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

_SHELLS = {
    "bash": ("bash", "-euo", "pipefail"),
    "sh": ("sh", "-eu"),
    "python": ("python3",),
}
_COUNTED = ("BUILD_JOB", "BUILD_COMMIT", "BUILD_BRANCH", "BUILD_BUILDER")
"""Not the attempt: what succeeded in an earlier one is not done again."""


class RunOptions(Options):
    """The script, and what runs it."""

    script: Text = Field(min_length=1)
    """Text of the script; the job's values are BUILD_JOB, BUILD_COMMIT, BUILD_BRANCH,
    BUILD_ATTEMPT, BUILD_BUILDER and, for each parameter, PARAM_NAME. Values for later steps go as
    lines NAME=value to the file that STEP_OUTPUT names. A variable (but BUILD_ATTEMPT) that stands
    in the script or in env counts: with another value the step runs again."""
    shell: Literal["bash", "sh", "python"] = "bash"
    """bash stops at the first command that fails, also in a pipe; sh too, but not in a pipe."""


def request_environment(request: BuildRequest) -> dict[str, str]:
    """The job's values as environment variables; what it does not name is empty."""
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
    """The call of the shell. Pure; the script is in the file that the last argument names."""
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
    """Runs a script; its exit code decides."""

    name = "run"
    summary = "run a script in the source tree"
    options = RunOptions
    values: tuple[str, ...] = ()

    def identity(
        self,
        options: RunOptions,
        context: StepContext,
    ) -> Mapping[str, str]:
        """The job's parameters: a script may use them; of its other values those that are named.

        A value counts when its variable stands in the script or in a variable of its environment:
        most scripts use none, and their results are as good for another job or branch.
        """
        texts = (options.script, *context.env.values())
        values = request_environment(context.request)
        named = {name for name in _COUNTED for text in texts if _names(text, name)}
        # With a sign that no parameter's name has.
        return {**context.request.params, **{f"${name}": values[name] for name in named}}

    def run(self, options: RunOptions, context: StepContext) -> StepResult:
        """Run the script; what it gives to later steps is in the result's values.

        Raises StepFailed (COMMAND_FAILED or the code of the tool that failed, BAD_OUTPUT).
        """
        command = run_command(options, context)
        scratch = context.workspace.scratch(context.step)
        scratch.mkdir(parents=True, exist_ok=True)
        (scratch / "script").write_text(options.script, encoding="utf-8")
        _output_file(context).write_bytes(b"")
        evidence = Evidence()
        code = context.commands.run(command, lambda line: evidence.feed(mask_url_credentials(line)))
        if code:
            raise verdict(
                "the script",
                f"the script ended with exit code {code}",
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
        """As EndsAlone says."""
        code = recorded_code(context.workspace.exit_code(context.step))
        return _result(context) if code == 0 else None


RUN = Run()


def _result(context: StepContext) -> StepResult:
    values = read_outputs(_output_file(context), context.values)
    return StepResult(reason="the script ran to its end", values=values)


def _names(text: str, variable: str) -> bool:
    return variable in text and re.search(rf"\b{variable}\b", text) is not None


def _variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9_]", "_", name.upper())

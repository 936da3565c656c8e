"""`doit build`: claim a job, run its pipeline's tasks, publish the result, whatever happens."""

from __future__ import annotations

import os
import sys
from typing import Any, ClassVar

from common.cli.command import OPTION_BUILDER, OPTION_JSON
from coordination_tasks.build.display.choice import make_display
from coordination_tasks.build.display.document import DocumentDisplay
from coordination_tasks.build.run import BuildRequest, BuildTools, run_build, show_end
from coordination_tasks.builder.acting_person import Acting, acting
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.secret_values import Secrets
from coordination_tasks.commands.base import FarmCommand, as_json, job_argument
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.wiring.store import open_store
from coordination_tasks.wiring.upkeep import attempt_logs, keepalive

BUILD_OPTIONS: tuple[dict[str, Any], ...] = (
    {"name": "parallel", "short": "n", "long": "parallel", "type": int, "default": 0,
     "help": "run up to N steps in parallel (default: `parallel` in builder.yaml, or 1)"},
    {"name": "replan", "long": "replan", "type": bool, "default": False,
     "help": "use the current pipeline instead of the plan of an earlier attempt"},
    {"name": "verbose", "long": "verbose", "type": bool, "default": False,
     "help": "show every line of the steps' logs"},
    OPTION_JSON,
    OPTION_BUILDER,
)  # fmt: skip


class BuildCommand(FarmCommand):
    """doit command."""

    name = "build"
    doc_purpose = "claim the next job and build it, step by step"
    doc_usage = "[JOB] [--pipeline NAME] [-n N] [--replan] [--builder ID] [--verbose|--json]"
    doc_description = """

Claims a job, runs the steps of its pipeline, and publishes the result.
Steps that succeeded before with the same inputs are not repeated, so
`doit build JOB` continues after a failure or a signal, with the
plan of the job's first attempt; --replan uses the current file.

Exit codes:
  0      built
  1      a step failed, the run was aborted (full disk), or the repository is unreachable or rejects
  3      bad configuration or usage
  4      nothing to claim, less free space than min_free, or this builder is already building
  5      claim lost to another builder
  128+n  ended by signal n; the job can be claimed again
"""
    group = "build"
    completes = "jobs"
    uses_tasks = execute_tasks = True

    cmd_options: ClassVar = (
        {"name": "job", "long": "job", "type": str, "default": "",
         "help": "build this job, even if it has already ended, like the argument JOB"},
        {"name": "pipeline", "long": "pipeline", "type": str, "default": "",
         "help": "claim only jobs of this pipeline"},
        *BUILD_OPTIONS,
    )  # fmt: skip

    def _execute(
        self,
        job: str,
        pipeline: str,
        parallel: int,
        replan: bool,
        verbose: bool,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        if pipeline:
            self.check_pipeline(pipeline)
        job = job_argument(job, pos_args)
        who = acting("") if job else None  # of the next job the builder decides, no person
        config = self.farm.config(builder)
        return build_and_show(
            BuildRequest(
                job=job or None,
                person=who.person if who else "",
                pipeline=pipeline or None,
                parallel=parallel,
                replan=replan,
                tools=build_tools(self, config, verbose=verbose, json=json, who=who),
            )
        )


def build_and_show(request: BuildRequest) -> int:
    """Build, and then print the document if the display makes one; returns the exit code."""
    code, display = run_build(request), request.tools.display
    if isinstance(display, DocumentDisplay):
        sys.stdout.write(as_json(display.document(code)) + "\n")
    return code


def build_tools(
    command: FarmCommand,
    config: BuilderConfig,
    *,
    verbose: bool,
    json: bool,
    who: Acting | None = None,
) -> BuildTools:
    """The tools of a command that builds, for `who` named the job."""
    if verbose and json:
        raise BadRequest("--verbose and --json exclude each other")
    farm = command.farm
    secrets = Secrets(os.environ, config.secrets_file)
    display = DocumentDisplay() if json else make_display(sys.stdout, verbose=verbose)
    trailers = who.trailers if who else {}
    return BuildTools(
        config=config,
        claim=farm.claim,
        tasks=command.task_list,
        dependencies=command.dep_manager,
        pipelines=farm.pipelines,
        labels=command.known_pipelines(),
        terms=command.terms(secrets),
        secrets=secrets,
        display=display,
        # doit swallows the stderr of an action, like the claim
        open_store=lambda sleep: open_store(
            config, display.message, sleep=sleep, trailers=trailers
        ),
        logs=lambda log: attempt_logs(config, farm.pipelines, log),
        keepalive=lambda log, logs, store: keepalive(config, store, log, logs, display.message),
        show_end=show_end,
    )

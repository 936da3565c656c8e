"""`doit try`: builds a folder as it is now, without a commit, a queue or a repository."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import doit

from common.cli.command import OPTION_BUILDER, OPTION_JSON, OPTION_PARAM, given_params
from coordination_tasks.build.attempt.attempt_end import AttemptEnd, Released
from coordination_tasks.build.attempt.attempt_log import AttemptLog
from coordination_tasks.build.attempt.keepalive import KeepaliveThread
from coordination_tasks.build.display.display import Display
from coordination_tasks.build.display.document import show_attempt
from coordination_tasks.build.run import (
    EXIT_FAILED,
    EXIT_OF_SIGNAL,
    BuildRequest,
    show_end,
)
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.lock import builder_lock
from coordination_tasks.commands.base import FarmCommand
from coordination_tasks.commands.jobs.build import build_and_show, build_tools
from coordination_tasks.domain.attempt_result import Failed
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.model import Job
from coordination_tasks.repository.memory import MemoryRemote, MemoryRepository, MemoryStepLogs
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.upkeep import attempt_logs

_FOLDER = "try"
_NEVER = 3600.0
_AGAIN = (
    "Fix the cause and run the same command again: finished steps are not repeated."
    " Nothing was published."
)


class TryCommand(FarmCommand):
    """doit command."""

    name = "try"
    doc_purpose = "build a folder as it is now: no commit, no queue, nothing is published"
    doc_usage = "PIPELINE [STEP...] [--dir DIR] [--param NAME=VALUE ...] [-n N] [--verbose|--json]"
    doc_description = """
Builds the working tree of DIR, tracked and new files without ignored ones, instead of the source of
the pipeline. With STEPs only these and what they need. Needs no coordination repository.

Finished steps with the same inputs are not repeated the next time. Workspaces and downloads are in
the folder `try` of the builder's state_dir; you may remove it.

Exit codes: 0 built, 1 a step failed, 3 bad configuration or usage, 4 this machine lacks free space,
or a label that the pipeline requires, or another `doit try` is running here, 128+n ended by
signal n.
"""
    group = "build"
    completes = "pipelines"
    uses_tasks = execute_tasks = True

    cmd_options: ClassVar = (
        {"name": "dir", "long": "dir", "type": str, "default": ".",
         "help": "folder to build [default: %(default)s]"},
        OPTION_PARAM,
        {"name": "parallel", "short": "n", "long": "parallel", "type": int, "default": 0,
         "help": "run up to N steps in parallel (default: `parallel` in builder.yaml, or 1)"},
        {"name": "verbose", "long": "verbose", "type": bool, "default": False,
         "help": "show every line of the steps' logs"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        dir: str,  # noqa: A002 - doit passes options by their names
        param: list[str],
        parallel: int,
        verbose: bool,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        if not pos_args:
            raise BadRequest("expected the name of a pipeline; `doit list` shows them")
        pipeline, *steps = pos_args
        self.check_pipeline(pipeline)
        folder = Path(doit.get_initial_workdir() or ".", dir).resolve()
        if not folder.is_dir():
            raise BadRequest(f"--dir expects a folder, found {str(folder)[:200]!r}")
        config = _own_config(self.farm.config(builder, without_repository=True))
        job = self._job(config, pipeline, folder, given_params(param))
        remote = MemoryRemote()
        return build_and_show(
            BuildRequest(
                job=job.id,
                parallel=parallel,
                steps=tuple(dict.fromkeys(steps)),
                tools=replace(
                    build_tools(self, config, verbose=verbose, json=json),
                    open_store=lambda _sleep: nullcontext(_store_with(job, remote, config)),
                    logs=lambda log: attempt_logs(
                        config,
                        self.farm.pipelines,
                        log,
                        MemoryStepLogs(remote, config.profile.id),
                    ),
                    keepalive=lambda _log, _logs, _store: KeepaliveThread(
                        lambda: None,
                        every=_NEVER,
                        on_lost=lambda _: None,
                        on_trouble=lambda _: None,
                    ),
                    show_end=_show_end,
                    published="not published",
                ),
            )
        )

    def _job(
        self, config: BuilderConfig, pipeline: str, folder: Path, params: dict[str, str]
    ) -> Job:
        """The job that builds the folder; it has the same id each time."""
        pipelines = self.farm.pipelines
        digest = hashlib.sha256(str(folder).encode("utf-8", "surrogateescape")).hexdigest()[:8]
        job_id = f"try-{pipeline}-{digest}"
        try:
            pipelines.check_job(pipeline, params, job_id=job_id, branch="", commit="")
            into = config.state_dir / "trees" / f"{digest}.git"
            with builder_lock(config):  # a running `doit try` may just read what this replaces
                branch, commit = pipelines.take_folder(pipeline, folder, into)
        except (ValueError, ConnectionError) as error:
            raise BadRequest(str(error)) from error
        logged = pipelines.workspaces(config.state_dir).logged_steps(job_id)
        last = max((attempt for attempt, _ in logged), default=0)
        return Job(
            id=job_id,
            pipeline=pipeline,
            params=params,
            branch=branch,
            commit=commit,
            attempt=last,
        )


def _own_config(config: BuilderConfig) -> BuilderConfig:
    """The builder's settings, with a folder of their own; no log is for others."""
    none = replace(config.logs, tail=0, size=0, failed=0)
    return replace(
        config, state_dir=config.state_dir / _FOLDER, logs=none, require_signed_jobs=False
    )


def _store_with(job: Job, remote: MemoryRemote, config: BuilderConfig) -> Store:
    store = Store(MemoryRepository(remote), config.profile)
    store.enqueue(job)
    return store


def _show_end(end: AttemptEnd, log: AttemptLog, display: Display) -> int:
    """Like show_end, for a job that no queue has."""
    show_attempt(display, log, end, is_queued=False)
    match end:
        case Released(number):
            display.message(end.reason)
            return EXIT_OF_SIGNAL + number
        case Failed(state, reason):
            display.message(f"{state}: {reason}")
            for line in (*log.failure_lines(), _AGAIN):
                display.message(line)
            return EXIT_FAILED
    return show_end(end, log, display)

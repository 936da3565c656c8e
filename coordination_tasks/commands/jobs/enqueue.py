"""`doit enqueue`: add a job to the queue."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator, Sequence

from common.cli.command import OPTION_BUILDER, OPTION_PARAM, given_params, tell
from coordination_tasks.builder.acting_person import acting_person
from coordination_tasks.commands.base import FarmCommand, no_arguments
from coordination_tasks.commands.control.acting import OPTION_AS
from coordination_tasks.domain.errors import BadRequest, NotFound, Unavailable
from coordination_tasks.domain.model import Job
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.store import open_store


class EnqueueCommand(FarmCommand):
    """doit command."""

    name = "enqueue"
    doc_purpose = "queue a job that builds one commit of a pipeline's source"
    doc_usage = (
        "--pipeline NAME (--branch BRANCH [--commit SHA] | --tag TAG) [--param NAME=VALUE ...]"
        " [--as NAME]"
    )
    doc_description = """
Prints the job's id. A branch without a commit is resolved when the job is claimed, a tag at once.
Queueing the same id with the same content again changes nothing.

A builder claims a job if it knows the pipeline, has the labels (`arch`, `distro` and `jdk` are
detected, others are in its builder.yaml) and all jobs of --after have succeeded. Jobs with the
lowest priority number come first, then the oldest.

Exit codes: 0 queued, 1 cannot reach the coordination repository, or with --tag the source,
3 bad configuration or usage.
"""

    group = "queue"
    cmd_options = (
        {"name": "pipeline", "long": "pipeline", "type": str, "default": "",
         "help": "pipeline to build with (`doit list` shows them)"},
        {"name": "branch", "long": "branch", "type": str, "default": "",
         "help": "branch of the pipeline's source repository"},
        {"name": "commit", "long": "commit", "type": str, "default": "",
         "help": "full commit id (default: the branch's tip when the job is claimed)"},
        {"name": "tag", "long": "tag", "type": str, "default": "",
         "help": "tag of the pipeline's source repository, instead of a commit: its commit now"},
        OPTION_PARAM,
        {"name": "label", "long": "label", "type": list, "default": [],
         "help": "label that the builder must have, such as jdk=17 (may be repeated)"},
        {"name": "after", "long": "after", "type": list, "default": [],
         "help": "id of a job that must succeed first (may be repeated)"},
        {"name": "priority", "long": "priority", "type": int, "default": 5,
         "help": "1 is first, 10 last [default: %(default)s]"},
        {"name": "id", "long": "id", "type": str, "default": "",
         "help": "job id (generated if omitted)"},
        {"name": "description", "long": "description", "type": str, "default": "",
         "help": "free-text description"},
        OPTION_AS,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(  # noqa: PLR0917 - doit passes options by their names
        self,
        pipeline: str,
        branch: str,
        commit: str,
        tag: str,
        param: list[str],
        label: list[str],
        after: list[str],
        priority: int,
        id: str,  # noqa: A002 - doit passes options by their names
        description: str,
        person: str,
        builder: str,
        pos_args: list[str],
    ) -> int:
        no_arguments(pos_args)
        if not pipeline:
            raise BadRequest("missing --pipeline; `doit list` shows the pipelines")
        if commit and tag:
            raise BadRequest("--commit and --tag exclude each other")
        if not branch and not commit and not tag:
            raise BadRequest("missing --branch, --commit or --tag")
        job_id = id or new_job_id(time.time(), uuid.uuid4().int)
        params = given_params(param)
        self.check_pipeline(pipeline)
        try:
            self.farm.pipelines.check_job(
                pipeline, params, job_id=job_id, branch=branch, commit=commit
            )
            commit = self._tagged(pipeline, tag) if tag else commit
        except ValueError as error:
            raise BadRequest(str(error)) from error
        job = Job(
            id=job_id,
            pipeline=pipeline,
            params=params,
            branch=branch or None,
            commit=commit.lower() or None,
            labels=tuple(label),
            dependencies=tuple(after),
            priority=priority,
            description=description,
            queued_by=acting_person(person),
        )
        with open_store(self.farm.config(builder), tell) as store:
            stored = store.enqueue(job)
            for name in _unknown(store, job.dependencies):
                tell(f"unknown job {name[:80]!r}: {stored.id} waits until it has succeeded")
        sys.stdout.write(f"{stored.id}\n")
        return 0

    def _tagged(self, pipeline: str, tag: str) -> str:
        """The commit that the tag names. Raises ValueError, BadRequest, Unavailable."""
        try:
            commit = self.farm.pipelines.tag_commit(pipeline, tag)
        except ConnectionError as error:
            raise Unavailable(str(error)) from error
        if commit is None:
            raise BadRequest(f"the source of pipeline {pipeline} has no tag '{tag[:80]}'")
        return commit


def _unknown(store: Store, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        try:
            store.job(name)
        except NotFound:
            yield name


def new_job_id(epoch: float, number: int) -> str:
    """An id in the form that the farm uses: `job_<epoch>_<4 digits>`."""
    return f"job_{int(epoch)}_{number % 10000:04d}"

"""`doit enqueue`: add jobs to the queue."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from common.cli.command import OPTION_BUILDER, OPTION_JSON, OPTION_PARAM, given_params, tell
from common.settings.shared_defaults import SHARED_CONFIG, read_shared_defaults
from coordination_tasks.builder.acting_person import Acting, acting
from coordination_tasks.commands.base import FarmCommand, as_json, check_pipeline, no_arguments
from coordination_tasks.commands.control.acting import OPTION_AS, OPTION_ON, tell_if_unknown
from coordination_tasks.commands.jobs.jobs import job_as_json
from coordination_tasks.domain.errors import BadRequest, IdTaken, NotFound, Unavailable
from coordination_tasks.domain.model import Job, check_builder_id
from coordination_tasks.domain.scheduling import DEPLOY, deploys, no_deployment
from coordination_tasks.farm.signed_jobs import job_signer
from coordination_tasks.store.operations.control import ANY_BUILDER
from coordination_tasks.store.operations.queue import check_request
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.farm import Farm
from coordination_tasks.wiring.store import open_store

if TYPE_CHECKING:
    from coordination_tasks.build.ports import Pipelines

_MOST_IDS = 20
"""Tries to find ids that nobody has: in a second there are 10,000."""


class EnqueueCommand(FarmCommand):
    """doit command."""

    name = "enqueue"
    doc_purpose = "queue a job that builds one commit of a pipeline's source"
    doc_usage = (
        "--pipeline NAME (--branch BRANCH ... | --branch BRANCH --commit SHA | --tag TAG)"
        " [--param NAME=VALUE ...] [--on BUILDER] [--if-new] [--as NAME] [--json]"
    )
    doc_description = """
Prints the job's id; several branches make one job each, all or none. A branch without a commit is
resolved when the job is claimed; at once with --if-new, or if the job is signed; a tag at once. A
branch that does not exist is refused; if the source cannot be reached, the job is queued. Queueing
the same --id with the same content again changes nothing; without --id each call is a new job.
Without --branch, --commit and --tag, the branch of shared/build_config.json counts if it names one.

With `signing_key` in builder.yaml the job is signed. Builders with `require_signed_jobs` run only
jobs that a key in their `allowed_signers` signed.

--if-new queues no job for a commit that is queued, runs or has succeeded with the same pipeline,
type and parameters, and prints the id of that job. Archived jobs do not count.

A builder claims a job if it knows the pipeline, has the labels (`arch`, `distro` and `jdk` are
detected, others are in its builder.yaml) and all jobs of --after have succeeded. Jobs with the
lowest priority number come first; of equal ones, branches take turns. For every 2 h that it waits,
a job counts with a priority that is better by one, down to 2.

Exit codes: 0 queued, 1 cannot reach the coordination repository, or with --tag or --if-new the
source, 3 bad configuration or usage.
"""

    group = "queue"
    cmd_options = (
        {"name": "pipeline", "long": "pipeline", "type": str, "default": "",
         "help": "pipeline to build with (`doit list` shows them)"},
        {"name": "branch", "long": "branch", "type": list, "default": [],
         "help": "branch of the pipeline's source repository (may be repeated)"},
        {"name": "commit", "long": "commit", "type": str, "default": "",
         "help": "full commit id (default: the branch's tip when the job is claimed)"},
        {"name": "tag", "long": "tag", "type": str, "default": "",
         "help": "tag of the pipeline's source repository, instead of a commit: its commit now"},
        {"name": "new", "long": "if-new", "type": bool, "default": False,
         "help": "queue no second job for a commit"},
        OPTION_PARAM,
        {"name": "kind", "long": "type", "type": str, "default": "build",
         "choices": (("build", ""), ("test", ""), ("deploy", "")),
         "help": "type of the job: build, test or deploy [default: %(default)s]"},
        {"name": "label", "long": "label", "type": list, "default": [],
         "help": "label that the builder must have, such as jdk=17 (may be repeated)"},
        OPTION_ON,
        {"name": "after", "long": "after", "type": list, "default": [],
         "help": "id of a job that must succeed first (may be repeated)"},
        {"name": "priority", "long": "priority", "type": int, "default": 5,
         "help": "1 is first, 10 last [default: %(default)s]"},
        {"name": "id", "long": "id", "type": str, "default": "",
         "help": "job id (generated if omitted)"},
        {"name": "description", "long": "description", "type": str, "default": "",
         "help": "free-text description"},
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(  # noqa: PLR0917 - doit passes options by their names
        self,
        pipeline: str,
        branch: list[str],
        commit: str,
        tag: str,
        new: bool,
        param: list[str],
        kind: str,
        label: list[str],
        on: str,
        after: list[str],
        priority: int,
        id: str,  # noqa: A002 - doit passes options by their names
        description: str,
        person: str,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        no_arguments(pos_args)
        request = Job(
            id=id,
            pipeline=pipeline,
            type=kind,
            params=given_params(param),
            commit=commit.lower() or None,
            labels=tuple(label),
            dependencies=tuple(after),
            priority=priority,
            description=description,
            wanted_builder=_wanted(on),
        )
        wanted = Wanted(request=request, branches=tuple(branch), tag=tag, new=new)
        stored = queue(self.farm, wanted, acting(person), builder)
        if json:
            sys.stdout.write(as_json({"jobs": [job_as_json(job) for job in stored]}) + "\n")
        else:
            sys.stdout.writelines(f"{job.id}\n" for job in stored)
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The jobs that somebody wants to queue."""

    request: Job
    """What they have in common; the id is "" when it is to be made up."""
    branches: tuple[str, ...] = ()
    """One job for each; none: the request has a commit, or there is a tag."""
    tag: str = ""
    new: bool = False
    """Queue no second job for a commit."""


def queue(farm: Farm, wanted: Wanted, who: Acting, builder: str = "") -> tuple[Job, ...]:
    """Check and queue the jobs for `who`; returns the stored ones.

    Raises BadRequest, Unavailable, and what a transaction raises.
    """
    asked, pipelines = wanted.request, farm.pipelines
    branches = tuple(dict.fromkeys(filter(None, wanted.branches)))
    if not (branches or asked.commit or wanted.tag) and (usual := _usual_branch(farm)):
        branches = (usual,)
    _check_source(asked, branches, wanted.tag)
    name = check_pipeline(pipelines, asked.pipeline or "")
    if asked.type == DEPLOY and not deploys(pipelines.known[name].takes):
        raise BadRequest(no_deployment(name))
    made_up = new_job_id(time.time(), uuid.uuid4().int)
    request = replace(asked, id=asked.id or made_up, queued_by=who.person)
    config = farm.config(builder)
    sign = job_signer(config)
    exact = wanted.new or sign is not None
    jobs = [_checked(pipelines, request, name, wanted, exact) for name in branches or ("",)]
    with open_store(config, tell, trailers=who.trailers) as store:
        stored = _queue(store, jobs, sign or _unsigned, has_id=bool(asked.id), new=wanted.new)
        for name in _unknown(store, request.dependencies):
            tell(f"unknown job {name[:80]!r}: {stored[0].id} waits until it has succeeded")
        tell_if_unknown(store, asked.wanted_builder or "")
    return stored


def _usual_branch(farm: Farm) -> str:
    branch = read_shared_defaults(farm.shared_config()).branch
    if branch:
        tell(f"branch {branch}, from {SHARED_CONFIG}")
    return branch


def _unsigned(job: Job) -> Job:
    return job


def _checked(pipelines: Pipelines, request: Job, branch: str, wanted: Wanted, exact: bool) -> Job:
    """The job for a branch or tag, `exact`: with its commit. Raises BadRequest, Unavailable."""
    job = replace(request, branch=branch or None)
    pipeline = job.pipeline or ""
    try:
        pipelines.check_job(
            pipeline, job.params, job_id=job.id, branch=branch, commit=job.commit or ""
        )
        check_request(job)
        if wanted.tag:
            return replace(job, commit=_tagged(pipelines, pipeline, wanted.tag))
        if branch and not job.commit:
            tip = _tip(pipelines, pipeline, branch, must_know=exact)
            return replace(job, commit=tip) if exact else job
    except ValueError as error:
        raise BadRequest(str(error)) from error
    return job


def _tip(pipelines: Pipelines, pipeline: str, branch: str, *, must_know: bool) -> str | None:
    """The commit of the branch now; None when the source cannot be asked. Raises BadRequest."""
    try:
        commit = pipelines.branch_commit(pipeline, branch)
    except ConnectionError as error:
        if must_know:
            raise Unavailable(str(error)) from error
        tell(f"cannot check whether branch '{branch[:80]}' exists: {error}")
        return None
    if commit is None:
        raise BadRequest(f"the source of pipeline {pipeline} has no branch '{branch[:80]}'")
    return commit


def _tagged(pipelines: Pipelines, pipeline: str, tag: str) -> str:
    """The commit that the tag names. Raises ValueError, BadRequest, Unavailable."""
    try:
        commit = pipelines.tag_commit(pipeline, tag)
    except ConnectionError as error:
        raise Unavailable(str(error)) from error
    if commit is None:
        raise BadRequest(f"the source of pipeline {pipeline} has no tag '{tag[:80]}'")
    return commit


def _check_source(request: Job, branches: Sequence[str], tag: str) -> None:
    commit = request.commit
    if not request.pipeline:
        raise BadRequest("missing --pipeline; `doit list` shows the pipelines")
    if commit and tag:
        raise BadRequest("--commit and --tag exclude each other")
    if not branches and not commit and not tag:
        raise BadRequest("missing --branch, --commit or --tag")
    if len(branches) > 1 and (commit or tag or request.id):
        raise BadRequest("several --branch exclude --commit, --tag and --id")


def _wanted(on: str) -> str | None:
    if not on or on == ANY_BUILDER:
        return None
    check_builder_id(on)
    return on


def _queue(
    store: Store, jobs: Sequence[Job], sign: Callable[[Job], Job], *, has_id: bool, new: bool
) -> tuple[Job, ...]:
    """Add the jobs; those without an id of a person get ids that nobody has."""
    if has_id and not new:
        return tuple(store.enqueue(sign(job)) for job in jobs)
    tries = _MOST_IDS
    while True:
        first = uuid.uuid4().int
        named = [
            job if has_id else replace(job, id=new_job_id(time.time(), first + number))
            for number, job in enumerate(jobs)
        ]
        try:
            return store.enqueue_new([sign(job) for job in named], unless_built=new)
        except IdTaken:
            tries -= 1
            if has_id or not tries:
                raise


def _unknown(store: Store, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        try:
            store.job(name)
        except NotFound:
            yield name


def new_job_id(epoch: float, number: int) -> str:
    """An id in the form that the farm uses: `job_<epoch>_<4 digits>`."""
    return f"job_{int(epoch)}_{number % 10000:04d}"

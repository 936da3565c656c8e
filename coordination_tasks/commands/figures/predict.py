"""`doit predict`: how long a job will take, by those before it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.states import State
from common.yaml.findings import did_you_mean
from coordination_tasks.commands.base import FarmCommand, as_json
from coordination_tasks.commands.views.farm_page import Section
from coordination_tasks.commands.views.output import write_lines, write_section
from coordination_tasks.commands.views.prediction import Durations, Expectation, words_of_rest
from coordination_tasks.domain.errors import BadRequest, NotFound
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import elapsed, utc_now
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.wiring.reading import open_reading

_ANY = "any builder"
_NOTHING_KNOWN = 4


class PredictCommand(FarmCommand):
    """doit command."""

    name = "predict"
    doc_purpose = "show how long a job, or a pipeline, will take on each builder"
    doc_usage = "JOB|PIPELINE [--branch NAME] [--json]"
    doc_description = """
The last 20 successes in the queue count: of the branch if it has 3 or more, otherwise of all
branches. TYPICAL is their median; a tenth took less than SHORT, a tenth more than LONG. For a
running job it also shows how much is left.

Exit codes: 0 shown, 1 cannot reach the coordination repository, and nothing was read before,
3 bad usage or unknown name, 4 no success to judge by.
"""
    group = "look"
    completes = "jobs"
    cmd_options = (
        {"name": "branch", "long": "branch", "type": str, "default": "", "metavar": "NAME",
         "help": "the branch, for a pipeline"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(self, branch: str, json: bool, builder: str, pos_args: list[str]) -> int:
        if len(pos_args) != 1:
            raise BadRequest("expected the id of a job, or the name of a pipeline")
        config = self.farm.config(builder)
        with open_reading(config, tell) as reading:
            self.show_outage(reading.outage, json=json)
            snapshot = reading.snapshot
            job = _job(snapshot, pos_args[0], branch)
            durations = Durations(snapshot.jobs())
        found = {
            name: expected
            for name in (None, *durations.builders(job.pipeline))
            if (expected := durations.expected(job.pipeline, job.branch, name))
        }
        left = durations.left(job, utc_now())
        if json:
            sys.stdout.write(as_json(_report(job, found, left)) + "\n")
        else:
            write_lines(_lines(job, found, left))
            if found:
                write_section(_section(found))
        return 0 if found else _NOTHING_KNOWN


def _job(snapshot: Snapshot, name: str, branch: str) -> Job:
    """The job with this id, or an imagined one of the pipeline. Raises BadRequest."""
    try:
        job = snapshot.job(name)
    except NotFound as error:
        pipelines = {job.pipeline for job in snapshot.jobs() if job.pipeline}
        if name not in pipelines:
            hint = did_you_mean(name, pipelines)
            message = f"no job, and no pipeline of a job, is called {name[:60]!r}{hint}"
            raise BadRequest(message) from error
        return Job(id="", pipeline=name, branch=branch or None)
    if branch:
        raise BadRequest("--branch is for a pipeline: a job has its own")
    return job


def _report(
    job: Job,
    found: dict[str | None, Expectation],
    left: float | None,
) -> dict[str, object]:
    return {
        "job": job.id or None,
        "pipeline": job.pipeline,
        "branch": job.branch,
        "left_seconds": None if left is None else round(left, 1),
        "expected": [
            {"builder": name} | {key: _rounded(value) for key, value in asdict(each).items()}
            for name, each in found.items()
        ],
    }


def _rounded(value: object) -> object:
    return round(value, 1) if isinstance(value, float) else value


def _lines(
    job: Job,
    found: dict[str | None, Expectation],
    left: float | None,
) -> Iterator[str]:
    what = f"pipeline {job.pipeline or '-'}{f', branch {job.branch}' if job.branch else ''}"
    if not found:
        yield f"{what}: no success in the queue to judge by"
        return
    others = "" if found[None].same_branch or not job.branch else " (successes of all branches)"
    yield f"{what}{others}"
    if job.state is State.RUNNING and job.id:
        yield f"job {job.id} on {job.assigned_to}: {words_of_rest(left) or 'longer than before'}"
    yield ""


def _section(found: dict[str | None, Expectation]) -> Section:
    return Section(
        titles=("BUILDER", "TYPICAL", "SHORT", "LONG", "SUCCESSES"),
        rows=[
            (
                name or _ANY,
                elapsed(each.typical),
                elapsed(each.shortest),
                elapsed(each.longest),
                str(each.builds),
            )
            for name, each in found.items()
        ],
        styles=[""] * len(found),
    )

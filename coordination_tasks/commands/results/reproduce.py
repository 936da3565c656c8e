"""`doit reproduce`: let another builder make the artifacts of a job again."""

from __future__ import annotations

import sys

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from coordination_tasks.builder.acting_person import acting
from coordination_tasks.commands.base import FarmCommand, as_json
from coordination_tasks.commands.control.acting import OPTION_AS
from coordination_tasks.commands.jobs.enqueue import Wanted, queue
from coordination_tasks.commands.jobs.jobs import job_as_json
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.model import Job, check_builder_id
from coordination_tasks.domain.scheduling import DEPLOY
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.artifacts.published import find_published
from coordination_tasks.farm.presence.observations import SILENT
from coordination_tasks.farm.presence.overview import FarmOverview
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.wiring.reading import farm_overview, open_snapshot

_IDLE = "idle"


class ReproduceCommand(FarmCommand):
    """doit command."""

    name = "reproduce"
    doc_purpose = "queue a job that makes the artifacts of a job again, on another builder"
    doc_usage = "JOB [--on BUILDER] [--as NAME] [--json]"
    doc_description = """
The new job builds the commit of JOB, with its pipeline and parameters, from scratch: no step,
module or output of another job is reused. It skips steps of the kinds `publish` and `ssh`, starts
no other pipeline and is no good build of its branch. Prints its id.

When it has succeeded, `doit status JOB`, `doit artifacts` and the page of JOB say whether it made
the same bytes: `reproduced by build2`. With `signing_key` each builder signs what it made, and with
`allowed_signers` both signatures are checked. `.changes` and `.buildinfo` do not count: dpkg writes
the time of the build into them.

Without --on: a builder other than that of JOB, an idle one first. With --on that builder itself is
possible, too.

Exit codes: 0 queued, 1 cannot reach the coordination repository, 3 bad usage or configuration, an
unknown job, a job without artifacts or of type deploy, or no other builder.
"""
    group = "queue"
    completes = "jobs"
    cmd_options = (
        {"name": "on", "long": "on", "type": str, "default": "",
         "help": "builder that makes them again (default: another one than that of JOB)"},
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(self, on: str, person: str, json: bool, builder: str, pos_args: list[str]) -> int:
        if len(pos_args) != 1:
            raise BadRequest("expected the id of one job; `doit artifacts` shows them")
        if on:
            check_builder_id(on)
        config = self.farm.config(builder)
        with open_snapshot(config, tell) as snapshot:
            job = snapshot.job(pos_args[0])
            made = find_published(snapshot, job.id)
            live = farm_overview(config, snapshot)
            target = on or _another(snapshot, live, made.builder)
        if job.type == DEPLOY:
            raise BadRequest(f"job {job.id} is of type {DEPLOY}: it cannot be reproduced")
        request = Job(
            id="",
            pipeline=job.pipeline,
            type=job.type,
            params=job.params,
            labels=job.labels,
            commit=made.manifest.commit,
            wanted_builder=target,
            reproduces=job.id,
        )
        wanted = Wanted(request=request, branches=(job.branch,) if job.branch else ())
        [stored] = queue(self.farm, wanted, acting(person), builder)
        if json:
            report = {**job_as_json(stored), "reproduces": stored.reproduces}
            sys.stdout.write(as_json(report) + "\n")
        else:
            sys.stdout.write(f"{stored.id}\n")
        return 0


def _another(snapshot: Snapshot, live: FarmOverview, builder: str) -> str:
    """A builder other than this one that may be alive, an idle one first. Raises BadRequest."""
    found, now = [], utc_now()
    for name in live.names(snapshot.builders()):
        if name != builder:
            published = snapshot.builder_status(name) if name in snapshot.builders() else None
            status = live.status_of(name, published)
            if live.presence_of(status, now).liveness != SILENT:
                found.append((status.status != _IDLE, name))
    if not found:
        raise BadRequest(
            f"no builder but {builder} is alive. Name one with --on, which may be {builder} itself."
        )
    return min(found)[1]

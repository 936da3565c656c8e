"""`doit page`: the farm as static web pages."""

from __future__ import annotations

from pathlib import Path

from common.cli.command import OPTION_BUILDER, tell
from coordination_tasks.commands.base import FarmCommand, no_arguments
from coordination_tasks.commands.views.farm_view import read_farm
from coordination_tasks.commands.views.job_filter import JobFilter
from coordination_tasks.commands.views.output import write_lines
from coordination_tasks.domain.errors import BadRequest, BrokenDocument
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.wiring.reading import farm_overview, open_reading

_MOST_JOBS = 200


class PageCommand(FarmCommand):
    """doit command."""

    name = "page"
    doc_purpose = "write the farm as static web pages: queue, jobs, builders, trends"
    doc_usage = "--out DIR [--jobs N]"
    doc_description = """
Writes index.html and the pages it links to, from the coordination repository alone. They need no
server and no JavaScript, ask no other host for anything, and can be opened as files or copied to
any static host. Only files that change are written, each atomically, so DIR can be served
meanwhile. The newest N jobs have a page each; pages of older jobs stay, so links to them hold.

While the coordination repository cannot be reached, the pages show what this host read last.

Exit codes: 0 written, 1 cannot reach the coordination repository, and nothing was read before, a
document in it is broken (the others are shown), or DIR cannot be written, 3 bad usage.
"""
    group = "look"
    cmd_options = (
        {"name": "out", "long": "out", "type": str, "default": "",
         "help": "folder for the pages; made if it is missing"},
        {"name": "jobs", "long": "jobs", "type": int, "default": _MOST_JOBS,
         "help": "how many jobs have a page of their own [default: %(default)s]"},
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(self, out: str, jobs: int, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        if not out:
            raise BadRequest("missing --out: expected the folder for the pages")
        if jobs < 1:
            raise BadRequest(f"--jobs expects 1 or more, found {jobs}")
        # the templates take a moment to import, and no other command needs them
        from coordination_tasks.web.farm_facts import Moment, farm_facts  # noqa: PLC0415
        from coordination_tasks.web.site import Site  # noqa: PLC0415

        config = self.farm.config(builder)
        with open_reading(config, tell) as reading:
            outage = reading.outage
            live = None if outage else farm_overview(reading.config, reading.snapshot)
            farm = read_farm(reading.snapshot, live, JobFilter(), config.lease, _tell)
            as_of = outage.as_of if outage else utc_now()
            moment = Moment(as_of=as_of, problem=str(outage) if outage else "")
            written = Site(Path(out)).write(farm_facts(farm, moment, jobs), reading.snapshot)
        write_lines([f"{written} file{'' if written == 1 else 's'} written in {out}"])
        return BrokenDocument.exit_code if farm.broken else 0


def _tell(line: str) -> None:
    tell(f"doit page: {line}")

"""`doit housekeeping`: archive finished records."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from coordination_tasks.builder.acting_person import acting
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.control.acting import OPTION_AS
from coordination_tasks.documents.retention import MOST_FINISHED
from coordination_tasks.domain.errors import BrokenDocument, NotRenewed
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.artifacts.releases.good_builds import prune_good_builds
from coordination_tasks.farm.housekeeping import Housekeeping, Moved
from coordination_tasks.wiring.clones import marks
from coordination_tasks.wiring.renewal import renew_destinations
from coordination_tasks.wiring.store import open_store


class HousekeepingCommand(FarmCommand):
    """doit command."""

    name = "housekeeping"
    doc_purpose = "archive old jobs, messages and logs by month"
    doc_usage = "[--dry-run] [--as NAME] [--json]"
    doc_description = f"""
Moves finished jobs with their transitions, read messages, and logs to coordination/archive/ in the
repository when they are older than keep_jobs, keep_messages and keep_logs in builder.yaml; of more
than {MOST_FINISHED} finished jobs, the oldest are moved sooner. Packs old logs of this builder's
workspaces into log-archive/ of its state_dir. Removes the tags of all but the newest
keep_good_builds good builds of each branch. Signs the indexes of this builder's apt repositories
again that would expire for their clients. Commands still find archived jobs by id. Can run at
any time, even on several builders at once; `doit watch` runs it when enough is due.

Exit codes: 0 done, 1 cannot reach the coordination repository, a document in it is broken, or an
index cannot be signed (the others are processed), 3 bad configuration or usage.
"""
    group = "care"
    cmd_options = (
        {"name": "dry_run", "long": "dry-run", "type": bool, "default": False,
         "help": "only show what would be moved"},
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self, dry_run: bool, person: str, json: bool, builder: str, pos_args: list[str]
    ) -> int:
        no_arguments(pos_args)
        config = self.farm.config(builder)
        broken: list[str] = []
        withheld: list[str] = []
        now = utc_now()
        with open_store(config, tell, trailers=acting(person).trailers) as store:
            care = Housekeeping(
                store=store, ages=config.ages, now=now, notice=broken.append, report=withheld.append
            )
            moved = care.look() if dry_run else care.run()
        pruned = prune_good_builds(marks(config), config.keep_good_builds, dry=dry_run)
        renewed: Sequence[str] = ()
        try:
            renewed = () if dry_run else renew_destinations(self.farm.pipelines, config)
        except NotRenewed as error:
            broken.append(str(error))
        workspaces = self.farm.pipelines.workspaces(config.state_dir)
        local = workspaces.old_logs(now - config.ages.logs, pack=not dry_run)
        for problem in (*broken, *withheld):
            tell(f"doit housekeeping: {problem}")
        if json:
            report = moved_as_json(moved, pruned, local, renewed, dry_run=dry_run)
            sys.stdout.write(as_json(report) + "\n")
        else:
            sys.stdout.write(_summary(moved, pruned, local, dry_run=dry_run))
            sys.stdout.writelines(f"index of destination {name} signed again\n" for name in renewed)
        return BrokenDocument.exit_code if broken else 0


def moved_as_json(
    moved: Moved,
    pruned: Sequence[str],
    local: Sequence[Path],
    renewed: Sequence[str],
    *,
    dry_run: bool,
) -> dict[str, object]:
    """What was moved, or would be, for programs."""
    return {
        "dry_run": dry_run,
        "jobs": moved.jobs,
        "messages": moved.messages,
        "logs": moved.logs,
        "good_builds": list(pruned),
        "local_logs": [str(path) for path in local],
        "renewed": list(renewed),
    }


def _summary(moved: Moved, pruned: Sequence[str], local: Sequence[Path], *, dry_run: bool) -> str:
    did = "would be archived" if dry_run else "archived"
    counts = {
        "jobs": len(moved.jobs),
        "messages": len(moved.messages),
        "logs in the repository": len(moved.logs),
        "logs on this host": len(local),
    }
    lines = [f"{count} {what} {did}\n" for what, count in counts.items()]
    removed = "would be removed" if dry_run else "removed"
    return "".join((*lines, f"{len(pruned)} tags of older good builds {removed}\n"))

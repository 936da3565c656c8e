"""`doit good-builds` and `doit last-good`: the builds that a branch can go back to."""

from __future__ import annotations

import sys

from common.cli.command import OPTION_BUILDER, OPTION_JSON
from common.cli.terminal_text import printable
from common.cli.text_table import table_lines
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.good_builds import GoodBuild
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.farm.artifacts.releases.good_builds import find_good_builds, last_good_build
from coordination_tasks.wiring.clones import marks

_COMMIT = 12
"""Characters."""


class GoodBuildsCommand(FarmCommand):
    """doit command."""

    name = "good-builds"
    doc_purpose = "list the builds that succeeded with artifacts, the newest first"
    doc_usage = "[BRANCH] [--json]"
    doc_description = """
Each success with artifacts gets the tag `build-success-<branch>-<time>` on the commit of the
coordination repository that recorded it, in the same push. `doit housekeeping` keeps
`keep_good_builds` of each branch.

Exit codes: 0 shown, 1 cannot reach the coordination repository, 3 bad usage or configuration.
"""
    group = "look"
    cmd_options = (OPTION_JSON, OPTION_BUILDER)

    def _execute(self, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args[1:])
        found = find_good_builds(marks(self.farm.config(builder)), "".join(pos_args))
        if json:
            sys.stdout.write(as_json([_as_json(build) for build in found]) + "\n")
        else:
            titles = ("TIME", "BRANCH", "JOB", "TRY", "BUILDER", "COMMIT")
            lines = (
                table_lines(titles, list(map(_row, found)), None) if found else ["no good build"]
            )
            sys.stdout.writelines(f"{line}\n" for line in lines)
        return 0


class LastGoodCommand(FarmCommand):
    """doit command."""

    name = "last-good"
    doc_purpose = "show the job of the last good build of a branch"
    doc_usage = "BRANCH [--json]"
    doc_description = """
Prints the id of the job, for `doit fetch` and `doit verify`.

Exit codes: 0 shown, 1 cannot reach the coordination repository, 3 bad usage or configuration, or
the branch has no good build.
"""
    group = "look"
    cmd_options = (OPTION_JSON, OPTION_BUILDER)

    def _execute(self, json: bool, builder: str, pos_args: list[str]) -> int:
        if len(pos_args) != 1:
            raise BadRequest("expected one branch; `doit good-builds` shows them")
        found = last_good_build(marks(self.farm.config(builder)), pos_args[0])
        text = as_json(_as_json(found)) if json else printable(found.job or found.tag)
        sys.stdout.write(f"{text}\n")
        return 0


def _row(build: GoodBuild) -> tuple[str, ...]:
    return (
        format_time(build.at),
        build.branch,
        build.job or "-",
        str(build.attempt or "-"),
        build.builder or "-",
        build.commit[:_COMMIT] or "-",
    )


def _as_json(build: GoodBuild) -> dict[str, object]:
    return {
        "tag": build.tag,
        "branch": build.branch,
        "job": build.job or None,
        "attempt": build.attempt or None,
        "builder": build.builder or None,
        "commit": build.commit or None,
        "pipeline": build.pipeline or None,
        "at": format_time(build.at),
    }

"""`doit squash-heartbeat`: one commit of an old heartbeat branch."""

from __future__ import annotations

import sys

from common.cli.command import OPTION_BUILDER, OPTION_JSON
from coordination_tasks.builder.acting_person import acting
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.control.acting import OPTION_AS
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.repository.git.squash import squash


class SquashCommand(FarmCommand):
    """doit command."""

    name = "squash-heartbeat"
    doc_purpose = "reduce the history of a heartbeat branch to one commit"
    doc_usage = "[--branch NAME] [--backup] [--as NAME] [--json]"
    doc_description = """
For branches that older programs have filled. Pushes only that branch, and only if nobody else has
pushed to it in the meantime.

Exit codes: 0 it is one commit now, 1 cannot reach the coordination repository or it rejects,
3 bad configuration or usage, unknown branch, or a heartbeat came in between (try again).
"""
    group = "care"
    cmd_options = (
        {"name": "branch", "long": "branch", "type": str, "default": "",
         "help": "the branch (default: this builder's heartbeat branch)"},
        {"name": "backup", "long": "backup", "type": bool, "default": False,
         "help": "keep the old history as backup/<branch>-<timestamp>"},
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        branch: str,
        backup: bool,
        person: str,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        no_arguments(pos_args)
        config = self.farm.config(builder)
        chosen = branch or config.heartbeat.place
        kept = squash(
            config.coordination_repository,
            chosen,
            author=config.profile.id,
            at=utc_now(),
            backup=backup,
            trailers=acting(person).trailers,
            timeout=config.push_timeout,
        )
        if json:
            sys.stdout.write(as_json({"branch": chosen, "backup": kept}) + "\n")
            return 0
        sys.stdout.write(f"{chosen} is one commit" + (f", backup: {kept}\n" if kept else "\n"))
        return 0

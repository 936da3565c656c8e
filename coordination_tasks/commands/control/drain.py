"""`doit drain` and `doit resume`: builders that finish their job and claim no more."""

from __future__ import annotations

import sys
from dataclasses import asdict

from common.cli.command import OPTION_BUILDER, OPTION_JSON
from coordination_tasks.commands.base import as_json
from coordination_tasks.commands.control.acting import OPTION_ALL, OPTION_AS, ActingCommand
from coordination_tasks.commands.views.output import write_lines
from coordination_tasks.documents.drains import title


class DrainCommand(ActingCommand):
    """doit command."""

    name = "drain"
    doc_purpose = "let a builder finish its job and claim no more"
    doc_usage = "[BUILDER | --all] [--reason TEXT] [--as NAME] [--json]"
    doc_description = """
Without BUILDER, drains the builder of this machine; `--all` pauses the whole farm. The drain
remains in force until `doit resume`, even if the builder is offline now or restarts.

Exit codes: 0 drained, 1 cannot reach the coordination repository, 3 bad usage.
"""
    group = "farm"
    completes = "builders"
    cmd_options = (
        {"name": "reason", "long": "reason", "type": str, "default": "",
         "help": "reason, shown with the builder"},
        OPTION_ALL,
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        reason: str,
        every: bool,
        person: str,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        name = self.named_builder(builder, pos_args, every=every)
        with self.control(builder, person, names=name) as control:
            drain = control.drain(name, reason)
        write_lines([as_json(asdict(drain)) if json else f"{title(name)}: {drain}"])
        return 0


class ResumeCommand(ActingCommand):
    """doit command."""

    name = "resume"
    doc_purpose = "let a drained builder claim jobs again"
    doc_usage = "[BUILDER | --all] [--as NAME] [--json]"
    doc_description = """
Without BUILDER, resumes the builder of this machine. `--all` ends the pause of the whole farm;
builders that were drained by name stay drained.

Exit codes: 0 it claims again, or was not drained, 1 cannot reach the coordination repository,
3 bad usage.
"""
    group = "farm"
    completes = "builders"
    cmd_options = (OPTION_ALL, OPTION_AS, OPTION_JSON, OPTION_BUILDER)

    def _execute(
        self, every: bool, person: str, json: bool, builder: str, pos_args: list[str]
    ) -> int:
        name = self.named_builder(builder, pos_args, every=every)
        with self.control(builder, person, names=name) as control:
            ended = control.resume(name)
        if json:
            sys.stdout.write(as_json({"builder": name, "was_drained": ended is not None}) + "\n")
        else:
            was = "claims jobs again" if ended else "was not drained"
            sys.stdout.write(f"{title(name)} {was}\n")
        return 0

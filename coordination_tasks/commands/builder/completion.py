"""`doit completion`: lets the shell complete commands, options, jobs, pipelines and builders."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from common.cli.completion_scripts import SCRIPTS, words_of
from common.errors import ApplicationError, UsageError
from common.job_id import problem_of_job_id
from common.yaml.findings import did_you_mean
from coordination_tasks.commands.base import FarmCommand
from coordination_tasks.commands.views.job_filter import JOB_STATES, newest
from coordination_tasks.commands.views.output import write_lines
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.wiring.reading import open_known

_MOST_JOBS = 100
_SUBJECTS = {
    "--job": "jobs",
    "--after": "jobs",
    "--pipeline": "pipelines",
    "--on": "builders",
    "--builder": "builders",
    "--state": "states",
}
"""What follows an option."""


class CompletionCommand(FarmCommand):
    """doit command."""

    name = "completion"
    doc_purpose = "print what a shell needs to complete commands, jobs, pipelines and builders"
    doc_usage = "bash|zsh|fish | --line TEXT"
    doc_description = """
Put into ~/.bashrc:               eval "$(doit completion bash)"
into ~/.zshrc, after compinit:    eval "$(doit completion zsh)"
into ~/.config/fish/config.fish:  doit completion fish | source

Jobs and builders are those that this host read last; the coordination repository is not asked.

Exit codes: 0 printed, 3 bad usage.
"""
    group = "care"
    completes = "shells"
    cmd_options = (
        {"name": "line", "long": "line", "type": str, "default": "",
         "help": "print the words that can complete this line of a shell, one a line"},
    )  # fmt: skip

    def __init__(self, task_loader: Any, cmds: Any = None, **kwargs: Any) -> None:
        super().__init__(task_loader, cmds=cmds, **kwargs)
        self._commands = cmds
        self._settings = {"task_loader": task_loader, "cmds": cmds, **kwargs}

    def _execute(self, line: str, pos_args: list[str]) -> int:
        if line and not pos_args:
            words, begun = words_of(line)
            found = sorted(
                word for word in self._candidates(words, begun) if word.startswith(begun)
            )
            write_lines(found)
            return 0
        if line or len(pos_args) != 1:
            raise UsageError(f"expected one shell: {', '.join(SCRIPTS)}")
        if pos_args[0] not in SCRIPTS:
            hint = did_you_mean(pos_args[0], SCRIPTS)
            raise UsageError(f"unknown shell {pos_args[0][:60]!r}{hint}")
        sys.stdout.write(SCRIPTS[pos_args[0]])
        return 0

    def _candidates(self, words: list[str], begun: str) -> Iterable[str]:
        if not words or words == ["help"]:
            return list(self._commands)
        if words[0] not in self._commands:
            return ()
        command = self._commands.get_plugin(words[0])
        if begun.startswith("-"):
            made = command(**self._settings)
            return [f"--{option.long}" for option in made.cmdparser.options if option.long]
        return self._names(_SUBJECTS.get(words[-1]) or str(getattr(command, "completes", "")))

    def _names(self, subject: str) -> Iterable[str]:
        if subject == "states":
            return [state.value for state in JOB_STATES]
        if subject == "shells":
            return SCRIPTS
        with suppress(ApplicationError):
            if subject == "pipelines":
                return list(self.known_pipelines())
            if subject in {"jobs", "builders"}:
                with open_known(self.farm.config()) as snapshot:
                    return names_in(subject, snapshot)
        return ()


def names_in(subject: str, snapshot: Snapshot | None) -> list[str]:
    """The `jobs` or `builders` that can complete a command line."""
    if snapshot is None:
        return []
    if subject == "builders":
        return list(snapshot.builders())
    try:
        jobs = snapshot.jobs()
    except BrokenDocument:
        return []
    # others become part of a command line: bash inserts a word as it is
    named = (job for job in jobs if not problem_of_job_id(job.id))
    return [job.id for job in newest(named, _MOST_JOBS)]

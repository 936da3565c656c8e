"""doit's own commands, with our errors and our help in place of doit's.

doit keeps no database here, so its commands that need one report that instead of doing nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from doit import cmd_completion, cmd_info, cmd_list, cmd_run, cmd_strace
from doit.exceptions import InvalidCommand

from common.cli.command import Command, near_match, tell
from common.errors import UsageError

_CHECKOUT = Path(__file__).parents[2]


class _OwnCommand(Command):
    uses_tasks = True

    def error_text(self, error: BaseException) -> str:
        """See Command."""
        if isinstance(error, InvalidCommand) and error.not_found:
            return self._unknown(error.not_found)
        return super().error_text(error)

    def _unknown(self, name: str) -> str:
        near = near_match(name, [task.name for task in self.task_list])
        return f"unknown task {name[:60]!r}{near or '; see `doit list --all`'}"

    def check_task(self, name: str) -> None:
        """Raise InvalidCommand if there is no such task."""
        if name not in {task.name for task in self.task_list}:
            raise InvalidCommand(not_found=name)


class RunCommand(_OwnCommand, cmd_run.Run):  # type: ignore[misc]
    """doit's own; doit also uses it for a command line that does not start with a command."""

    name = "run"
    label = "doit"
    doc_purpose = "run tasks of dodo.py; `doit build` runs them for a job"

    def parse_execute(self, in_args: list[str]) -> int:
        """See Command. In a wrong folder only this command is known, so it has all the words."""
        if _is_wrong_folder(sys.argv[1:]):
            tell(f"doit: this folder has no dodo.py. Run `cd {_CHECKOUT}` first.")
            return UsageError.exit_code
        return super().parse_execute(in_args)

    def execute(self, params: Any, args: list[str]) -> int:
        """See doit's own."""
        params["outfile"] = params["outfile"] or sys.stdout  # there was none when doit looked
        return int(super().execute(params, args) or 0)

    def hint_at_option(self, unknown: str) -> str:
        """See Command."""
        found = (word for word in sys.argv[1:] if word in self.loader.cmd_names)
        command = next(found, "COMMAND")
        if command == self.name:
            return super().hint_at_option(unknown)
        return f"; name the command first: doit {command} --{unknown}"

    def _unknown(self, name: str) -> str:
        commands = self.loader.cmd_names
        if name in commands:
            return f"name the command first: doit {name}"
        near = near_match(name, [*commands, *(task.name for task in self.task_list)])
        return f"unknown command or task {name[:60]!r}{near or '; see `doit help`'}"


def _is_wrong_folder(words: Sequence[str]) -> bool:
    """Whether doit would look for a dodo.py here that does not exist."""
    elsewhere = any(word.startswith(("-f", "--file", "-d", "--dir", "-k")) for word in words)
    return not elsewhere and not Path("dodo.py").exists()


class ListCommand(_OwnCommand, cmd_list.List):  # type: ignore[misc]
    """doit's own."""

    name = "list"
    group = "pipelines"
    doc_purpose = "list the pipelines, with --all also their steps"

    def _execute(  # doit passes options by their names
        self,
        subtasks: bool = False,
        quiet: bool = True,
        status: bool = False,
        private: bool = False,
        list_deps: bool = False,
        template: str | None = None,
        sort: str = "name",
        pos_args: list[str] | None = None,
    ) -> int:
        for name in pos_args or ():
            self.check_task(name)
        return int(
            super()._execute(subtasks, quiet, status, private, list_deps, template, sort, pos_args)
        )


class InfoCommand(_OwnCommand, cmd_info.Info):  # type: ignore[misc]
    """doit's own."""

    name = "info"
    doc_purpose = "show the fields of one task"

    def _execute(self, pos_args: list[str], hide_status: bool = False) -> int:
        if len(pos_args) != 1:
            raise UsageError("expected the name of one task; see `doit list --all`")
        self.check_task(pos_args[0])
        return int(super()._execute(pos_args, hide_status))


class StraceCommand(_OwnCommand, cmd_strace.Strace):  # type: ignore[misc]
    """doit's own."""

    name = "strace"

    def execute(self, params: Any, args: list[str]) -> int:
        """See doit's own."""
        if len(args) != 1:
            raise UsageError("expected the name of one task; see `doit list --all`")
        return int(super().execute(params, args) or 0)

    def _execute(self, show_all: bool) -> int:
        self.check_task(self.sel_tasks[0])
        return int(super()._execute(show_all))


class TabCompletionCommand(_OwnCommand, cmd_completion.TabCompletion):  # type: ignore[misc]
    """doit's own."""

    name = "tabcompletion"


class _DatabaseCommand(Command):
    doc_purpose = "not available: doit keeps no database here"
    doc_usage = "[TASK ...]"

    def execute(self, params: Any, args: list[str]) -> int:  # noqa: ARG002 - doit's contract
        """Show what to do instead."""
        raise UsageError("doit keeps no database here; see `doit help explain`, `doit help forget`")


class DumpDbCommand(_DatabaseCommand):
    """In place of doit's own."""

    name = "dumpdb"


class IgnoreCommand(_DatabaseCommand):
    """In place of doit's own."""

    name = "ignore"


class ResetDepCommand(_DatabaseCommand):
    """In place of doit's own."""

    name = "reset-dep"

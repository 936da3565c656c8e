"""`doit help`: the commands in groups, or how to use one."""

from __future__ import annotations

import sys
from typing import Any

from doit.cmd_base import DoitCmdBase
from doit.cmd_help import Help
from doit.cmdparse import CmdOption

from common.cli.command import Command, near_match, terminal_width
from common.cli.help_text import flow, option_lines, two_columns
from common.errors import UsageError

GROUPS = {
    "build": "Build",
    "queue": "Queue",
    "look": "Look",
    "pipelines": "Pipelines",
    "farm": "Farm",
    "care": "Care",
    "": "doit's own, rarely needed",
}
"""Headings by what a command has as its `group`, in the order of `doit help`."""
_FIRST = ("status", "enqueue", "build", "explain", "doctor")
"""The commands that one needs first."""
_SHORT_END = """\
`doit help` shows all commands, `doit COMMAND -h` how to use one.
"""
_END = """\
`doit help COMMAND` shows how to use a command, `doit help TASK` what a task does, and
`doit help task` the fields of a task in dodo.py.
"""


class HelpCommand(Command):
    """doit command; takes the place of doit's own."""

    name = "help"
    doc_purpose = "show all commands, or how to use one"
    doc_usage = "[COMMAND | TASK] [--short]"
    doc_description = """
Exit codes: 0 shown, 3 unknown command or task.
"""

    cmd_options = (
        {"name": "short", "long": "short", "type": bool, "default": False,
         "help": "show only the commands that one needs first, like doit alone"},
    )  # fmt: skip

    def __init__(self, task_loader: Any, cmds: Any = None, **kwargs: Any) -> None:
        super().__init__(task_loader, cmds=cmds, **kwargs)
        self._commands = cmds
        self._settings = {"task_loader": task_loader, "cmds": cmds, **kwargs}

    def execute(self, params: Any, args: list[str]) -> int:
        """Show the requested help. Raises UsageError."""
        if len(args) > 1:
            raise UsageError(f"unexpected argument {args[1][:60]!r}")
        if not args:
            sys.stdout.write(self._short() if params["short"] else self._overview())
        elif args[0] == "task":
            Help.print_task_help()
        elif args[0] in self._commands:
            command = self._commands.get_plugin(args[0])(**self._settings)
            sys.stdout.write(f"{command.help()}\n")
        else:
            DoitCmdBase.execute(self, params, args)
        return 0

    def _execute(self, pos_args: list[str]) -> int:
        """Show the task of that name."""
        tasks = {task.name: task for task in self.task_list}
        name = pos_args[0]
        if name not in tasks:
            near = near_match(name, [*self._commands, *tasks])
            raise UsageError(f"unknown command or task {name[:60]!r}{near}")
        task = tasks[name]
        sys.stdout.write(f"{task.name}  {task.doc or ''}".rstrip() + "\n")
        options = [CmdOption(option) for option in (*task.creator_params, *task.params)]
        sys.stdout.writelines(f"{line}\n" for line in option_lines(options, terminal_width()))
        return 0

    def _short(self) -> str:
        width = terminal_width()
        found = [(n, self._commands.get_plugin(n).doc_purpose) for n in _FIRST]
        lines = ["doit COMMAND [OPTION ...] [ARGUMENT ...]", ""]
        lines += two_columns(found, max(map(len, _FIRST)), width)
        return "\n".join([*lines, "", flow(_SHORT_END, width), ""])

    def _overview(self) -> str:
        width = terminal_width()
        commands: dict[str, Any] = self._commands.to_dict()
        left = max(map(len, commands))
        lines = ["doit COMMAND [OPTION ...] [ARGUMENT ...]"]
        for group, heading in GROUPS.items():
            rows = [(n, c.doc_purpose) for n, c in sorted(commands.items()) if _group(c) == group]
            lines += ["", heading, *two_columns(rows, left, width)]
        return "\n".join([*lines, "", flow(_END, width), ""])


def _group(command: type[Any]) -> str:
    group = getattr(command, "group", "")
    return group if group in GROUPS else ""

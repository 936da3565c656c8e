"""`doit mcp`: the farm as tools for an AI agent."""

from __future__ import annotations

import sys

from common.cli.command import OPTION_BUILDER, tell
from coordination_tasks.commands.base import FarmCommand, no_arguments
from coordination_tasks.commands.control.acting import OPTION_AS


class McpCommand(FarmCommand):
    """doit command."""

    name = "mcp"
    doc_purpose = "serve the farm to an AI agent, by the Model Context Protocol"
    doc_usage = "[--as NAME] [--builder ID]"
    doc_description = """
The agent's client starts it and speaks with it over standard input and output; messages for people
go to standard error. It ends when the client closes its input: jobs and builds continue. Tools read
and act as the commands do, for the person of --as, with the client as the recorded agent.
docs/agents.md shows how to set up a client, and every tool.

Exit codes: 0 the client has left, 3 bad configuration or usage.
"""
    group = "farm"
    cmd_options = (OPTION_AS, OPTION_BUILDER)

    def _execute(self, person: str, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        config = self.farm.config(builder)
        if sys.stdin.isatty():
            tell("doit mcp: waits for a client on standard input; docs/agents.md shows how")
        # the SDK takes a second to import, and no other command needs it
        from coordination_tasks.agents.mcp.server import make_server  # noqa: PLC0415
        from coordination_tasks.agents.mcp.workplace import Workplace  # noqa: PLC0415

        place = Workplace(farm=self.farm, config=config, person=lambda _headers: person)
        make_server(place).run("stdio")
        return 0

"""The step that runs a command on another host: kind `ssh`.

A pipeline names a host; address, key and host key are in the builder's own file. The command is an
argument list: values of the job never become text that a shell reads.
"""

from __future__ import annotations

import re
import shlex
from typing import Annotated

from pydantic import AfterValidator

from common.settings.ssh_hosts import SshHost
from common.yaml.validate import Several, Text
from pipelines.domain.errors import FailureCode, StepFailed, configured
from pipelines.domain.pipeline import Command, Options, StepContext, StepResult
from pipelines.failures.evidence import Evidence
from pipelines.failures.verdict import verdict

_SSH_FAILED = 255
_SECURE = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "ForwardAgent=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "ControlPath=none",
    "ConnectTimeout=15",
    "ServerAliveInterval=15",
)
_UNKNOWN_HOST = re.compile(r"Host key verification failed|host key is known for")
_REFUSED = re.compile(r"Permission denied")


def _arguments(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words or not words[0] or (len(words) == 1 and " " in words[0].strip()):
        raise ValueError("expected a list, the program and each argument: [systemctl, restart, x]")
    return words


class SshOptions(Options):
    """Options of an `ssh` step.

    The step runs each time: what it does is on the host. After a kill of the builder it may run
    again, so a second run must do no harm. If it is cancelled or its `timeout` expires, the
    connection ends, and the command may go on there.
    """

    host: Text
    """Name of a host of `ssh_hosts` in the builder's `builder.yaml`."""
    command: Annotated[Several[Text], AfterValidator(_arguments)]
    """Program and arguments, each an element of the list. No shell interprets them: a `*` or `;`
    is part of the argument."""


class Ssh:
    """Kind `ssh`."""

    name = "ssh"
    summary = "run a command on a host that the builder knows"
    options = SshOptions
    values: tuple[str, ...] = ()
    acts_on = "another host"

    def identity(self, options: SshOptions, context: StepContext) -> None:
        """None, so it is never up to date: its effect is on the host."""

    def run(self, options: SshOptions, context: StepContext) -> StepResult:
        """Run the command. Raises StepFailed (BAD_REQUEST, NETWORK, COMMAND_FAILED, …)."""
        host = configured(context.ssh_hosts, options.host, "host", "ssh_hosts")
        command = Command(
            argv=ssh_command(host, options.command),
            cwd=context.workspace.root,
            env=context.env,
            on_host=True,
        )
        evidence = Evidence()
        said: list[str] = []

        def on_line(line: str) -> None:
            evidence.feed(line)
            said[:] = [*said[-9:], line]

        code = context.commands.run(command, on_line)
        if code == _SSH_FAILED:
            raise _unreachable(options.host, said)
        if code:
            raise verdict(
                f"the command on {options.host}",
                f"{options.command[0]} on {options.host} ended with exit code {code}",
                code,
                evidence,
                own=FailureCode.COMMAND_FAILED,
                source=context.workspace.source,
            )
        return StepResult(reason=f"{options.command[0]} succeeded on {options.host}")


SSH = Ssh()


def ssh_command(host: SshHost, command: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments of ssh. Pure."""
    options = [*_SECURE]
    if host.known_hosts is not None:
        options += [f'UserKnownHostsFile="{host.known_hosts}"', "GlobalKnownHostsFile=/dev/null"]
    if host.key is not None:
        options.append("IdentitiesOnly=yes")
    key = () if host.key is None else ("-i", host.key)
    given = (word for option in options for word in ("-o", option))
    # the far shell splits what ssh passes on
    return ("ssh", "-T", *given, *key, "--", host.address, shlex.join(command))


def _unreachable(host: str, said: list[str]) -> StepFailed:
    """Why ssh itself failed. A command that ends with 255 cannot be told apart."""
    text = "\n".join(said)
    last = next((line.strip() for line in reversed(said) if line.strip()), "it said nothing")
    if _UNKNOWN_HOST.search(text):
        cause = "its key is not the known one. Ask its owner, then correct known_hosts"
        return StepFailed(FailureCode.BAD_REQUEST, f"ssh to {host}: {cause}.", excerpt=text)
    if _REFUSED.search(text):
        cause = "it does not accept this builder's key. Add the key there"
        return StepFailed(FailureCode.BAD_REQUEST, f"ssh to {host}: {cause}.", excerpt=text)
    return StepFailed(FailureCode.NETWORK, f"ssh to {host} failed: {last}", excerpt=text)

"""The interface of all sandboxes, and the one that separates nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from common.settings.source_credentials import SOURCES_VARIABLE
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.exit_code import ExitCode
from pipelines.domain.network import Network
from pipelines.domain.pipeline import Command

AGENT_VARIABLE = "SSH_AUTH_SOCK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosed:
    """A command as it has to be started."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    descriptors: tuple[int, ...] = ()
    """Open files that the process must inherit."""
    exit_code: Callable[[int], ExitCode] = ExitCode.of
    """How the command ended, from the return code of its process. Raises StepFailed."""


class Sandbox(Protocol):
    """Encloses the commands of one step."""

    def enclose(self, command: Command) -> AbstractContextManager[Enclosed]:
        """How to start the command, until the end of the context. Raises StepFailed.

        When its process has ended, or was killed, nothing of it is left if the sandbox can make
        sure of that.
        """


@dataclass(frozen=True, slots=True)
class NoSandbox:
    """Commands run as they are, on the host; only the environment is the step's."""

    network: Network = Network.HOST
    ssh_agent: bool = True

    @contextmanager
    def enclose(self, command: Command) -> Iterator[Enclosed]:
        """See Sandbox."""
        if self.network is Network.NONE and not command.on_host:
            raise StepFailed(
                FailureCode.TOOL_MISSING,
                "`network: none` needs the sandbox, which this builder does not use. "
                "`doit doctor` says why.",
            )
        yield Enclosed(argv=command.argv, env=step_environment(command, self.ssh_agent))


def step_environment(command: Command, ssh_agent: bool) -> dict[str, str]:
    """Environment of the command, without the way to the ssh agent unless the step may use it."""
    left_out = () if ssh_agent or command.on_host else (AGENT_VARIABLE,)
    left_out = (*left_out, SOURCES_VARIABLE)
    return {name: value for name, value in command.env.items() if name not in left_out}

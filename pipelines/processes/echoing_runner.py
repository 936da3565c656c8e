"""Shows the output of a step's commands while they run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipelines.domain.pipeline import Command, CommandRunner


class EchoingRunner:
    """A command runner that also shows each line of its commands' output."""

    def __init__(self, inner: CommandRunner, echo: Callable[[str], None]) -> None:
        self._inner = inner
        self._echo = echo

    @property
    def log(self) -> Path:
        """The step's log file."""
        return self._inner.log

    def check_cancelled(self) -> None:
        """Raise StepCancelled when the build was asked to stop."""
        self._inner.check_cancelled()

    def run(self, command: Command, on_line: Callable[[str], None] | None = None) -> int:
        """Run like the wrapped runner, and show each line."""

        def see(line: str) -> None:
            self._echo(line)
            if on_line:
                on_line(line)

        return self._inner.run(command, see)

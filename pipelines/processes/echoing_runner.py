"""Shows the output of a step's commands to who watches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipelines.domain.pipeline import Command, CommandRunner


class EchoingRunner:
    """A command runner that shows each line of its commands' output to who watches."""

    def __init__(self, inner: CommandRunner, echo: Callable[[str], None]) -> None:
        self._inner = inner
        self._echo = echo

    @property
    def log(self) -> Path:
        """The step's log file."""
        return self._inner.log

    def check_cancelled(self) -> None:
        """Raise StepCancelled when the build was told to end."""
        self._inner.check_cancelled()

    def run(self, command: Command, on_line: Callable[[str], None] | None = None) -> int:
        """As the runner below, with an eye on each line."""

        def see(line: str) -> None:
            self._echo(line)
            if on_line:
                on_line(line)

        return self._inner.run(command, see)

"""The display of a running `doit build`, and its plain form: one line per event."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol, TextIO

from common.cli.output_stream import silence
from common.cli.terminal_text import printable
from common.cli.text_table import coloured
from common.states import State
from coordination_tasks.domain.timestamps import elapsed

SECONDS_BETWEEN_PLAIN_PROGRESS = 10.0

Clock = Callable[[], float]
_STYLES = {
    State.SUCCEEDED: "green",
    State.FAILED: "red",
    State.TIMED_OUT: "red",
    State.CANCELLED: "yellow",
}
"""Colours of the end of a step."""


class Display(Protocol):
    """Shows the steps of one job."""

    def begin(self, title: str, steps: tuple[str, ...]) -> None:
        """The job is claimed and these steps follow."""

    def step_began(self, step: str, reason: str) -> None:
        """The step runs now, for this reason."""

    def step_progress(self, step: str, text: str) -> None:
        """The progress of the step."""

    def step_line(self, step: str, line: str) -> None:
        """A line of the step's log."""

    def step_ended(self, step: str, state: State, reason: str, seconds: float | None) -> None:
        """The step has ended."""

    def message(self, text: str) -> None:
        """A message besides the steps."""

    def end(self) -> None:
        """No step follows."""

    def attempt_ended(self, attempt: Mapping[str, object]) -> None:
        """How the attempt ended, as JSON values: the messages say the same to people."""


class PlainDisplay(Display):
    """One line per event: for pipes, cron and log files."""

    def __init__(
        self,
        stream: TextIO,
        *,
        verbose: bool,
        clock: Clock = time.monotonic,
        colour: bool = False,
    ) -> None:
        self._stream = stream
        self._colour = colour
        self._verbose = verbose
        self._clock = clock
        self._lock = threading.Lock()
        self._shown_at: dict[str, float] = {}

    def begin(self, title: str, steps: tuple[str, ...]) -> None:
        """See Display."""
        self.message(title)
        self.message(f"steps: {' -> '.join(steps)}")

    def step_began(self, step: str, reason: str) -> None:
        """See Display."""
        self._shown_at[step] = self._clock()
        self._write(f"[{step}] running: {reason}")

    def step_progress(self, step: str, text: str) -> None:
        """See Display."""
        now = self._clock()
        if now - self._shown_at.get(step, now) >= SECONDS_BETWEEN_PLAIN_PROGRESS:
            self._shown_at[step] = now
            self._write(f"[{step}] {text}")

    def step_line(self, step: str, line: str) -> None:
        """See Display."""
        if self._verbose:
            self._write(f"[{step}] | {line}")

    def step_ended(self, step: str, state: State, reason: str, seconds: float | None) -> None:
        """See Display."""
        duration = f" in {elapsed(seconds)}" if seconds is not None else ""
        self._write(f"[{step}] {state}{duration}: {reason}", _STYLES.get(state, ""))

    def message(self, text: str) -> None:
        """See Display."""
        self._write(text)

    def end(self) -> None:
        """See Display."""

    def attempt_ended(self, attempt: Mapping[str, object]) -> None:
        """See Display."""

    def _write(self, text: str, style: str = "") -> None:
        line = coloured(printable(text), style, wanted=self._colour)
        with self._lock:
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except OSError:
                # the reader has left, or the disk of the log is full: the build continues
                silence(self._stream)

"""What a person sees while `doit build` runs: a live line for each step, or plain lines."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from coordination_tasks.model import State
from coordination_tasks.output_stream import silence

SECONDS_BETWEEN_PLAIN_PROGRESS = 10.0

_MARKS = {
    State.SUCCEEDED: ("✔", "green"),
    State.UP_TO_DATE: ("=", "cyan"),
    State.FAILED: ("✘", "bold red"),
    State.TIMED_OUT: ("✘", "bold red"),
    State.CANCELLED: ("■", "yellow"),
    State.SKIPPED: ("-", "dim"),
}

Clock = Callable[[], float]


class Display(Protocol):
    """Shows the steps of one job."""

    def begin(self, title: str, steps: tuple[str, ...]) -> None:
        """The job is claimed and these steps will come."""

    def step_began(self, step: str, reason: str) -> None:
        """The step runs now, for this reason."""

    def step_progress(self, step: str, text: str) -> None:
        """How far the step is."""

    def step_line(self, step: str, line: str) -> None:
        """A line of the step's log."""

    def step_ended(self, step: str, state: State, reason: str, seconds: float | None) -> None:
        """The step is at its end."""

    def message(self, text: str) -> None:
        """Something beside the steps."""

    def end(self) -> None:
        """Nothing more comes."""


def elapsed(seconds: float) -> str:
    """`4.1 s`, `2 min 05 s`, `1 h 02 min`."""
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


class PlainDisplay(Display):
    """One line for each thing that happens: for pipes, cron and log files."""

    def __init__(self, stream: TextIO, *, verbose: bool, clock: Clock = time.monotonic) -> None:
        self._stream = stream
        self._verbose = verbose
        self._clock = clock
        self._lock = threading.Lock()
        self._shown_at: dict[str, float] = {}

    @override
    def begin(self, title: str, steps: tuple[str, ...]) -> None:
        self.message(title)
        self.message(f"steps: {' -> '.join(steps)}")

    @override
    def step_began(self, step: str, reason: str) -> None:
        self._shown_at[step] = self._clock()
        self._write(f"[{step}] running: {reason}")

    @override
    def step_progress(self, step: str, text: str) -> None:
        now = self._clock()
        if now - self._shown_at.get(step, now) >= SECONDS_BETWEEN_PLAIN_PROGRESS:
            self._shown_at[step] = now
            self._write(f"[{step}] {text}")

    @override
    def step_line(self, step: str, line: str) -> None:
        if self._verbose:
            self._write(f"[{step}] | {line}")

    @override
    def step_ended(self, step: str, state: State, reason: str, seconds: float | None) -> None:
        duration = f" in {elapsed(seconds)}" if seconds is not None else ""
        self._write(f"[{step}] {state}{duration}: {reason}")

    @override
    def message(self, text: str) -> None:
        self._write(text)

    @override
    def end(self) -> None:
        pass

    def _write(self, text: str) -> None:
        with self._lock:
            try:
                self._stream.write(text + "\n")
                self._stream.flush()
            except OSError:
                # whoever watched has left, or the disk of their file is full: the build goes on
                silence(self._stream)


@dataclass(frozen=True, slots=True)
class _Row:
    state: State = State.QUEUED
    text: str = ""
    began: float = 0.0
    seconds: float | None = None


class LiveDisplay(Display):
    """One line for each step, redrawn in place while the job runs."""

    def __init__(self, console: Console, *, verbose: bool, clock: Clock = time.monotonic) -> None:
        self._console = console
        self._verbose = verbose
        self._clock = clock
        self._lock = threading.Lock()
        self._rows: dict[str, _Row] = {}
        self._spinner = Spinner("dots")
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=8, transient=False
        )

    @override
    def begin(self, title: str, steps: tuple[str, ...]) -> None:
        self.message(title)
        with self._lock:
            self._rows = {step: _Row() for step in steps}
        self._live.start()

    @override
    def step_began(self, step: str, reason: str) -> None:
        self._set(step, _Row(state=State.RUNNING, text=reason, began=self._clock()))

    @override
    def step_progress(self, step: str, text: str) -> None:
        with self._lock:
            row = self._rows.get(step, _Row())
            self._rows[step] = replace(row, text=text)

    @override
    def step_line(self, step: str, line: str) -> None:
        if self._verbose:
            self._console.print(f"[dim]{escape(step)} |[/dim] {escape(line)}", highlight=False)

    @override
    def step_ended(self, step: str, state: State, reason: str, seconds: float | None) -> None:
        self._set(step, _Row(state=state, text=reason, seconds=seconds))

    @override
    def message(self, text: str) -> None:
        self._console.print(escape(text), highlight=False, soft_wrap=True)

    @override
    def end(self) -> None:
        self._live.stop()

    def _set(self, step: str, row: _Row) -> None:
        with self._lock:
            self._rows[step] = row

    def _render(self) -> Group:
        with self._lock:
            rows = dict(self._rows)
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right", min_width=9)
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        for step, row in rows.items():
            table.add_row(self._mark(row), step, self._elapsed(row), Text(row.text))
        return Group(table)

    def _mark(self, row: _Row) -> Spinner | Text:
        if row.state is State.RUNNING:
            return self._spinner
        mark, style = _MARKS.get(row.state, ("·", "dim"))
        return Text(mark, style=style)

    def _elapsed(self, row: _Row) -> str:
        if row.state is State.RUNNING:
            return elapsed(self._clock() - row.began)
        return elapsed(row.seconds) if row.seconds is not None else ""


def make_display(stream: TextIO, *, verbose: bool) -> Display:
    """The display that fits `stream`: live on a terminal, plain lines elsewhere."""
    console = Console(file=stream)
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveDisplay(console, verbose=verbose)
    return PlainDisplay(stream, verbose=verbose)

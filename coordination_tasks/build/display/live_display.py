"""The display of `doit build` on a terminal: one line per step, redrawn in place."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TextIO, cast

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from common.cli.output_stream import BestEffortStream
from common.cli.terminal_text import printable
from common.states import State
from coordination_tasks.build.display.display import Clock, Display
from coordination_tasks.domain.timestamps import elapsed

_MARKS = {
    State.SUCCEEDED: ("✔", "green"),
    State.UP_TO_DATE: ("=", "cyan"),
    State.FAILED: ("✘", "bold red"),
    State.TIMED_OUT: ("✘", "bold red"),
    State.CANCELLED: ("■", "yellow"),
    State.SKIPPED: ("-", "dim"),
}


@dataclass(frozen=True, slots=True)
class _Row:
    state: State = State.QUEUED
    text: str = ""
    began: float = 0.0
    seconds: float | None = None


class LiveDisplay(Display):
    """One line per step, redrawn in place while the job runs."""

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

    def begin(self, title: str, steps: tuple[str, ...]) -> None:
        """See Display."""
        self.message(title)
        with self._lock:
            self._rows = {step: _Row() for step in steps}
        self._live.start()

    def step_began(self, step: str, reason: str) -> None:
        """See Display."""
        self._set(step, _Row(state=State.RUNNING, text=reason, began=self._clock()))

    def step_progress(self, step: str, text: str) -> None:
        """See Display."""
        with self._lock:
            row = self._rows.get(step, _Row())
            self._rows[step] = replace(row, text=text)

    def step_line(self, step: str, line: str) -> None:
        """See Display."""
        if self._verbose:
            shown = escape(printable(line))
            self._console.print(f"[dim]{escape(step)} |[/dim] {shown}", highlight=False)

    def step_ended(self, step: str, state: State, reason: str, seconds: float | None) -> None:
        """See Display."""
        self._set(step, _Row(state=state, text=reason, seconds=seconds))

    def message(self, text: str) -> None:
        """See Display."""
        self._console.print(escape(printable(text)), highlight=False, soft_wrap=True)

    def end(self) -> None:
        """See Display."""
        self._live.stop()

    def attempt_ended(self, attempt: Mapping[str, object]) -> None:
        """See Display."""

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
            table.add_row(self._mark(row), step, self._elapsed(row), Text(printable(row.text)))
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


def live_display(stream: TextIO, *, verbose: bool) -> LiveDisplay:
    """The display for `stream`, which is a terminal."""
    return LiveDisplay(Console(file=cast(TextIO, BestEffortStream(stream))), verbose=verbose)

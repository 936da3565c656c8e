"""Shows the lines of a job's steps as they come, from files of this host or from its builder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from coordination_tasks.domain.errors import NotFound, Unavailable
from coordination_tasks.farm.job_logs import AttemptView, JobLogs, split_lines

_FILE_EVERY = 0.2
_PATIENCE = 20.0
"""Seconds: a builder publishes the complete logs after it has recorded the end of the job."""


@dataclass(kw_only=True)
class Following:
    """Follows one step, or the steps of a job one after another.

    `look` returns the newest view. `write` shows lines below a heading; its last argument is
    whether the following begins with them. `check` raises when nobody reads them any more.
    """

    logs: JobLogs
    look: Callable[[], AttemptView]
    step: str
    write: Callable[[str, Sequence[str], bool], None]
    check: Callable[[], None] = lambda: None
    _shown: dict[str, int] = field(init=False, default_factory=dict)
    """Number of the last line shown of each step."""
    _files: dict[str, int] = field(init=False, default_factory=dict)
    """Bytes shown of the file of each step that is here."""
    _complete: set[str] = field(init=False, default_factory=set)
    """Steps of which every line was shown."""
    _earlier: set[str] = field(init=False, default_factory=set)
    """Steps that had ended when the following began."""
    _current: str = field(init=False, default="")
    _away: bool = field(init=False, default=False)
    _begins: bool = field(init=False, default=True)

    def run(self, view: AttemptView, *, every: float) -> None:
        """Show lines until the end; look every `every` seconds."""
        if view.runs:
            self._earlier = {name for name, step in view.steps.items() if step.has_ended}
        while not self._ended(view):
            self._show(view)
            self._begins = False
            until = time.monotonic() + every
            while (rest := until - time.monotonic()) > 0:
                time.sleep(min(rest, _FILE_EVERY))
                self.check()
                self._show_files(view)
            view = self._look(view)
        self._show_rest(view, every)

    def _look(self, before: AttemptView) -> AttemptView:
        try:
            view = self.look()
        except Unavailable as error:
            if not self._away:
                self.logs.notice(str(error))
            self._away = True
            return before
        self._away = False
        return view

    def _ended(self, view: AttemptView) -> bool:
        if not view.runs:
            return True
        step = view.steps.get(self.step)
        return step is not None and step.has_ended and step.path is not None

    def _wanted(self, view: AttemptView) -> tuple[str, ...]:
        return (self.step,) if self.step else view.chosen()

    def _show(self, view: AttemptView) -> None:
        self._show_files(view)
        wanted = self._wanted(view)
        for step in self._shown.keys() - self._complete - set(wanted):
            self._complete_step(view, step)
        for step in wanted:
            tail = view.tails.get(step)
            if tail and self.logs.file(view, step) is None:
                self._write_from(step, tail.first_line, tail.lines)

    def _show_files(self, view: AttemptView, *, whole: bool = False) -> None:
        """Show new lines of the files here; with `whole` also a last line without an end."""
        for step in (*self._wanted(view), *self._files.keys() - set(self._wanted(view))):
            path = self.logs.file(view, step)
            if path is None:
                continue
            if path.suffix == ".gz":
                if whole and step not in self._files:
                    self._write(step, self.logs.lines(view, step).lines)
                continue
            with path.open("rb") as stream:
                stream.seek(self._files.setdefault(step, 0))
                data = stream.read()
            data = data if whole else data[: data.rfind(b"\n") + 1]
            self._files[step] += len(data)
            self._write(step, split_lines(data))

    def _show_rest(self, view: AttemptView, every: float) -> None:
        """Show what came between the last look and the end of each step that was shown."""
        self._show_files(view, whole=True)
        until = time.monotonic() + (_PATIENCE if self._shown else 0)
        later = (step for step in self._wanted(view) if step not in self._earlier)
        for step in dict.fromkeys((*self._shown, *later)):
            while not self._is_complete(view, step):
                if error := self._complete_step(view, step):
                    if time.monotonic() > until:
                        self.logs.notice(str(error))
                        break
                    time.sleep(min(every, 1.0))

    def _is_complete(self, view: AttemptView, step: str) -> bool:
        return step in self._complete or self.logs.file(view, step) is not None

    def _complete_step(self, view: AttemptView, step: str) -> NotFound | Unavailable | None:
        """Show the rest of a step that has ended; returns why that is impossible now."""
        try:
            found = self.logs.published_lines(view, step)
        except (NotFound, Unavailable) as error:
            return error
        self._write(step, found.lines[0 if found.left_out else self._shown.get(step, 0) :])
        self._complete.add(step)
        return None

    def _write_from(self, step: str, first: int, lines: Sequence[str]) -> None:
        """Show those of the numbered lines that were not shown yet."""
        last = self._shown.get(step, 0)
        if first > last + 1:
            self._write(step, [f"[{first - last - 1} lines are not shown]"])
        self._write(step, lines[max(0, last + 1 - first) :])
        self._shown[step] = max(last, first + len(lines) - 1)

    def _write(self, step: str, lines: Sequence[str]) -> None:
        if lines:
            self.write("" if step == self._current or self.step else step, lines, self._begins)
            self._current = step

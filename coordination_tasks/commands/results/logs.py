"""`doit logs`: the logs of a job's steps, from any machine, also while they run."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.cli.output_stream import check_reader
from common.cli.terminal_text import printable
from common.yaml.findings import did_you_mean
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.commands.base import FarmCommand, as_json, as_json_line
from coordination_tasks.commands.results.following import Following
from coordination_tasks.domain.errors import BadRequest, NotFound
from coordination_tasks.farm.job_logs import HEARTBEAT, AttemptView, JobLogs, LocalLogs, LogLines
from coordination_tasks.wiring.clones import heartbeats, step_logs
from coordination_tasks.wiring.reading import open_reading

if TYPE_CHECKING:
    from coordination_tasks.build.ports import Pipelines


class LogsCommand(FarmCommand):
    """doit command."""

    name = "logs"
    doc_purpose = "show the logs of a job's steps, also while they run, from any machine"
    doc_usage = "JOB [STEP] [-f] [--grep PATTERN] [--tail N] [--raw] [--json]"
    doc_description = """
Shows the last attempt. Without STEP: the steps that run, or else those that failed or were
cancelled, or else all.

On the builder's own machine it reads the file. On others it shows the last lines of a running step
as of the builder's last heartbeat, and the complete log of a step that has ended, if its builder
has published it (`logs` in builder.yaml). Lines that look like secrets are withheld in both.
While the repository is unreachable, it shows what this host has. -f with --json prints one object
on each line: `step` and `line`.

Exit codes: 0 shown, 1 cannot reach the coordination repository, 3 bad usage, an unknown job or
step, or a log that is not in the repository (the message has the builder that has it).
"""
    group = "look"
    completes = "jobs"
    cmd_options = (
        {"name": "follow", "short": "f", "long": "follow", "type": bool, "default": False,
         "help": "show further lines until the step, or without STEP the job, has ended"},
        {"name": "grep", "long": "grep", "type": str, "default": "",
         "help": "only lines that match this regular expression"},
        {"name": "tail", "long": "tail", "type": int, "default": 0,
         "help": "only the last N lines of each step; --follow shows all that come later"},
        {"name": "raw", "long": "raw", "type": bool, "default": False,
         "help": "no headings; colours and control characters as the tools wrote them"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        follow: bool,
        grep: str,
        tail: int,
        raw: bool,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        job, step = _named(pos_args)
        shown = Shown(pattern=log_pattern(grep), last=_checked_tail(tail), raw=raw)
        with open_reading(self.farm.config(builder), tell) as reading:
            logs = job_logs(reading.config, self.farm.pipelines)
            if reading.outage:
                logs.notice(f"{reading.outage.cause}. Showing what this host has {reading.outage}.")
            view = logs.view(reading.snapshot, job)
            check_step(view, step)
            if follow:
                Following(
                    logs=logs,
                    look=lambda: logs.view(reading.again(), job),
                    step=step,
                    write=_JsonLines(shown=shown, step=step).write if json else shown.write,
                    check=lambda: check_reader(sys.stdout),
                ).run(view, every=min(reading.config.observe_every, _LOOK_EVERY))
            elif json:
                sys.stdout.write(as_json(_report(logs, view, step, shown)) + "\n")
            else:
                _print(logs, view, step, shown)
        return 0


_LOOK_EVERY = 5.0
"""Seconds."""


def job_logs(config: BuilderConfig, pipelines: Pipelines) -> JobLogs:
    """The logs of this farm's jobs, wherever they can be read."""
    workspaces, base = pipelines.workspaces, config.state_dir.parent
    return JobLogs(
        published=step_logs(config),
        heartbeats=heartbeats(config),
        local=LocalLogs(
            path=lambda name, job, attempt, step: workspaces(base / name).log(job, attempt, step),
            steps=lambda name, job: workspaces(base / name).logged_steps(job),
        ),
        notice=lambda line: tell(f"doit logs: {line}"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Which lines are shown, and how."""

    pattern: re.Pattern[str] | None
    last: int
    raw: bool

    def of(self, lines: Sequence[str], *, only_last: bool = True) -> tuple[str, ...]:
        """The lines to show, of the last ones if that was requested."""
        found = tuple(line for line in lines if not self.pattern or self.pattern.search(line))
        return found[-self.last :] if self.last and only_last else found

    def write(self, heading: str, lines: Sequence[str], only_last: bool = True) -> None:
        """Print lines, after a heading if that is not ""."""
        if heading and not self.raw:
            sys.stdout.write(printable(f"==> {heading} <==\n"))
        for line in self.of(lines, only_last=only_last):
            sys.stdout.write(f"{line if self.raw else printable(line)}\n")
        sys.stdout.flush()


@dataclass(kw_only=True)
class _JsonLines:
    """Prints each line as an object; `step` is that of the next one."""

    shown: Shown
    step: str

    def write(self, heading: str, lines: Sequence[str], only_last: bool = True) -> None:
        """Like Shown."""
        self.step = heading or self.step
        for line in self.shown.of(lines, only_last=only_last):
            sys.stdout.write(as_json_line({"step": self.step, "line": line}) + "\n")
        sys.stdout.flush()


def check_step(view: AttemptView, step: str) -> None:
    """Raise BadRequest unless the attempt has this step; "" stands for none."""
    if step and step not in view.steps:
        hint = did_you_mean(step, view.steps)
        raise BadRequest(f"unknown step {step[:60]!r} of job {view.job}{hint}")


def _print(logs: JobLogs, view: AttemptView, step: str, shown: Shown) -> None:
    chosen = _chosen(view, step)
    for name in chosen:
        found = _lines(logs, view, name, named=bool(step))
        if found and found.lines:
            shown.write(_heading(view, name, found) if len(chosen) > 1 else "", found.lines)


def _report(logs: JobLogs, view: AttemptView, step: str, shown: Shown) -> dict[str, object]:
    return {
        "job": view.job,
        "attempt": view.attempt,
        "builder": view.builder,
        "running": view.runs,
        "logs": [
            {
                "step": name,
                "state": view.steps[name].state,
                "path": view.steps[name].path,
                "source": found.source,
                "first_line": found.first_line,
                "left_out_lines": found.left_out,
                "lines": list(shown.of(found.lines)),
            }
            for name, found in step_lines(logs, view, step)
        ],
    }


def step_lines(logs: JobLogs, view: AttemptView, step: str) -> Iterator[tuple[str, LogLines]]:
    """The lines of a step, or of those that a reader wants first. Raises NotFound."""
    for name in _chosen(view, step):
        found = _lines(logs, view, name, named=bool(step))
        if found:
            yield name, found


def _chosen(view: AttemptView, step: str) -> tuple[str, ...]:
    chosen = (step,) if step else view.chosen()
    if not chosen:
        raise NotFound(
            f"job {view.job}, attempt {view.attempt} on {view.host}, has shown no output yet"
        )
    return chosen


def _lines(logs: JobLogs, view: AttemptView, step: str, *, named: bool) -> LogLines | None:
    """The lines of a step; None when it has none, and was not asked for by name."""
    try:
        return logs.lines(view, step)
    except NotFound as error:
        if named or len(view.chosen()) == 1:
            raise
        logs.notice(str(error))
        return None


def _heading(view: AttemptView, step: str, found: LogLines) -> str:
    state = view.steps[step].state
    of = f"{step}: {state}" if state else step
    return f"{of}, last lines shown by {view.builder}" if found.source == HEARTBEAT else of


def _named(words: Sequence[str]) -> tuple[str, str]:
    if not words:
        raise BadRequest("expected the id of a job; `doit jobs` shows them")
    if len(words) > 2:  # noqa: PLR2004 - job and step
        raise BadRequest(f"unexpected argument {words[2][:60]!r}")
    return words[0], words[1] if len(words) > 1 else ""


def log_pattern(text: str) -> re.Pattern[str] | None:
    """The regular expression; None for "". Raises BadRequest."""
    try:
        return re.compile(text) if text else None
    except re.error as error:
        raise BadRequest(f"--grep expects a regular expression: {error}") from error


def _checked_tail(number: int) -> int:
    if number < 0:
        raise BadRequest(f"--tail expects 1 or more, found {number}")
    return number

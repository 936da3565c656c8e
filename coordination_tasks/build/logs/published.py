"""Publishes the logs of one attempt: the last lines of running steps, and complete logs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from coordination_tasks.build.logs.excerpt import RunningLog, WholeLog, last_part, whole_log
from coordination_tasks.documents.builder_status import running_logs_data
from coordination_tasks.documents.paths import running_logs_path
from coordination_tasks.domain.errors import CopyUnusable
from coordination_tasks.domain.model import Attempt, Transition
from coordination_tasks.domain.step_log import LogLimits, PublishedLog, RunningLogs
from coordination_tasks.repository.step_logs import StepLogs

_SHORT = 256 * 1024
"""Bytes: less than a second."""


@dataclass(kw_only=True)
class AttemptLogs:
    """The logs of one attempt. `path` returns where the log of a running step is.

    Not for several threads at once.
    """

    attempt: Attempt
    limits: LogLimits
    published: StepLogs
    path: Callable[[str], Path]
    secrets: Callable[[], Collection[str]]
    clock: Callable[[], datetime]
    _running: dict[str, RunningLog] = field(init=False, default_factory=dict)
    _kept: set[str] = field(init=False, default_factory=set)

    def tails(self, steps: Iterable[str]) -> Mapping[str, bytes]:
        """A file with the last lines of the running `steps`, for a heartbeat."""
        if not self.limits.tail:
            return {}
        logs = [self._running.setdefault(s, RunningLog(s, self.path(s))) for s in steps]
        found = (log.tail(self.limits.tail, self.secrets()) for log in logs)
        shown = RunningLogs(
            job=self.attempt.job.id,
            attempt=self.attempt.number,
            at=self.clock(),
            tails=tuple(tail for tail in found if tail),
        )
        return {running_logs_path(self.attempt.builder): running_logs_data(shown)}

    def keep(self, ended: Mapping[str, Transition], *, only_short: bool = False) -> None:
        """Keep the complete logs of steps that ended, once each, for `send`.

        `only_short`: leave long ones to a later call; their examination takes seconds. Raises
        CopyUnusable, SecretFound, OSError.
        """
        fresh = {
            step: end
            for step, end in ended.items()
            if step not in self._kept and not (only_short and _is_long(Path(end.log or "")))
        }
        if fresh and self.limits.size and self.limits.each:
            self._kept |= fresh.keys()
            logs = dict(self._whole(fresh))
            try:
                self.published.keep(logs, self.limits, self.clock())
            except CopyUnusable:  # such as a full disk: a later call may succeed
                self._kept -= fresh.keys()
                raise

    def send(self) -> None:
        """Send all logs that others cannot read yet, also of earlier attempts.

        Raises Unavailable, WriteRefused.
        """
        if self.published.unsent():
            self.published.send()

    def _whole(self, ended: Mapping[str, Transition]) -> Iterable[tuple[PublishedLog, bytes]]:
        for step, end in ended.items():
            try:
                log = whole_log(Path(end.log or ""), self.limits.each, self.secrets())
            except FileNotFoundError:  # a step without commands: nothing is missing
                log = WholeLog(text="", lines=0, left_out=0)
            published = PublishedLog(
                job=end.job,
                attempt=end.attempt,
                step=step,
                ended_at=end.at,
                lines=log.lines,
                left_out=log.left_out,
            )
            yield published, log.text.encode("utf-8", "replace")


def _is_long(path: Path) -> bool:
    return path.exists() and path.stat().st_size > _SHORT


def failure_log(failed: Sequence[Transition], most: int, secrets: Collection[str]) -> str:
    """The end of the failed steps' logs with headings, at most about `most` bytes; or ""."""
    parts = []
    for end in failed if most else ():
        with suppress(OSError):
            text = last_part(Path(end.log or ""), most // len(failed), secrets)
            title = f"== job {end.job}, attempt {end.attempt}, step {end.step}: {end.to_state}"
            parts.append(f"{title}: {end.reason}\n{text}\n")
    return "\n".join(parts)

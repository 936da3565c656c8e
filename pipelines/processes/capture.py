"""Runs short commands whose output is a value: a version, an object id."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipelines.domain.debian_packages import how_to_install
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.step_log import open_log
from pipelines.processes.tree import MARKER_VARIABLE, end_tree
from pipelines.processes.wait import wait_for_end

_SHORT = 60.0
_SHOWN_LINES = 20


@dataclass(frozen=True, slots=True)
class _Step:
    """The step for which short commands run."""

    deadline: float | None
    log: Path


_STEP: ContextVar[_Step | None] = ContextVar("step", default=None)


@contextmanager
def helpers_of_step(deadline: float | None, log: Path) -> Iterator[None]:
    """In this context, commands without a limit of their own have the step's.

    `deadline` is the `time.monotonic()` at which the step must have ended; a stopped command is
    logged in `log` with its output.
    """
    token = _STEP.set(_Step(deadline, log))
    try:
        yield
    finally:
        _STEP.reset(token)


@dataclass(frozen=True, slots=True)
class Captured:
    """How a short command ended."""

    code: int
    """Exit code; 128+n when signal n ended the command."""
    output: str
    """Standard output alone: data. Bytes that are not text are decoded by `os.fsdecode`."""
    errors: str
    """Standard error: a tool may print warnings there although it succeeds."""

    @property
    def text(self) -> str:
        """Standard output, then standard error: text for people."""
        return os.fsencode(self.output).decode("utf-8", "replace") + self.errors


def capture(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float | None = None,
    cancellation: Cancellation | None = None,
    given: str = "",
) -> Captured:
    """Run `argv` to its end; `env` is its whole environment, `timeout` in seconds.

    Without a time limit of its own it has the step's, or a minute outside a step. `given` is its
    standard input, bytes as decoded by `os.fsdecode`.

    Raises StepFailed (TOOL_MISSING, TIMEOUT) and StepCancelled, after its process tree has ended.
    """
    limit = _limit(timeout)
    marked = f"{env.get(MARKER_VARIABLE, 'capture')}/{uuid.uuid4()}"
    with (
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
        _readable(given) as stdin,
    ):
        marked_env = {**env, MARKER_VARIABLE: marked}
        running = _start(argv, cwd, marked_env, (stdin, output, errors))
        try:
            in_time = wait_for_end(running.pid, limit, cancellation)
        except BaseException:
            _end(running, marked)
            raise
        if not in_time:
            _end(running, marked)
            said = _content(output).decode("utf-8", "replace")
            raise _too_late(argv, limit, said + _content(errors).decode("utf-8", "replace"))
        code = running.wait()
        return Captured(
            code=code if code >= 0 else 128 - code,
            output=os.fsdecode(_content(output)),
            errors=_content(errors).decode("utf-8", "replace"),
        )


def _readable(given: str) -> IO[bytes]:
    if not given:
        return Path(os.devnull).open("rb")
    stream = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    stream.write(os.fsencode(given))
    stream.seek(0)
    return stream


def _limit(timeout: float | None) -> float | None:
    """Seconds that a command may take; None: no limit."""
    step = _STEP.get()
    if timeout is not None:
        return timeout
    if step is None:
        return _SHORT
    return None if step.deadline is None else max(0.0, round(step.deadline - time.monotonic(), 1))


def _too_late(argv: Sequence[str], limit: float | None, said: str) -> StepFailed:
    """The failure of a stopped command; logs it and its output in the step's log."""
    words = f"{argv[0]} was stopped after {limit or 0:g} s"
    step = _STEP.get()
    if step is not None:
        with open_log(step.log) as log:
            log.write(f"$ {shlex.join(argv)}")
            log.write(said.rstrip("\n"))
            log.write(f"# {words}")
    shown = "\n".join([f"$ {shlex.join(argv)}"[:500], *said.splitlines()[-_SHOWN_LINES:]])
    return StepFailed(
        FailureCode.TIMEOUT,
        words,
        excerpt=shown[-2000:],
        retryable=True,
        log=step.log if step else None,
    )


def _content(stream: IO[bytes]) -> bytes:
    stream.seek(0)
    return stream.read()


def _start(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    streams: tuple[IO[bytes], IO[bytes], IO[bytes]],
) -> subprocess.Popen[bytes]:
    """Start it in a process group of its own, with its output in files.

    A pipe would wait for a daemon that keeps it open.
    """
    program = shutil.which(argv[0], path=env.get("PATH", os.defpath))
    if program is None:
        remedy = how_to_install(argv[:1])
        raise StepFailed(
            FailureCode.TOOL_MISSING, f"cannot start {argv[0]}: it is not installed.{remedy}"
        )
    stdin, output, errors = streams
    return subprocess.Popen(
        [program, *argv[1:]],
        cwd=cwd,
        env=env,
        stdin=stdin,
        stdout=output,
        stderr=errors,
        start_new_session=True,
    )


def _end(running: subprocess.Popen[bytes], marked: str) -> None:
    end_tree(running.pid, marked, grace=1)
    running.poll()  # reaps it

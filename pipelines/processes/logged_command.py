"""Runs the commands of a step: log, lines, time limits, and stopping the whole process tree.

The child writes directly to the log file, which is fast and needs no memory, and a daemon that
keeps its standard output open blocks nothing. If there are secrets to mask, a pipe and a thread are
in between.
"""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import psutil

from common.redaction import mask
from common.settings.sandbox import NO_LIMITS, StepLimits
from pipelines.domain.debian_packages import how_to_install
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.exit_code import ExitCode
from pipelines.domain.pipeline import Command
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.exit_file import recording
from pipelines.processes.last_words import last_lines, thread_dumps, where_threads_stood
from pipelines.processes.log_tail import LogTail
from pipelines.processes.masked_output import MaskedOutput
from pipelines.processes.sandbox.limits import limited
from pipelines.processes.sandbox.protocol import Enclosed, NoSandbox, Sandbox
from pipelines.processes.step_log import StepLog, full_folder, open_log
from pipelines.processes.tree import GRACE, MARKER_VARIABLE, end_tree
from pipelines.processes.wait import wait_for_end

_CANT_START = {
    errno.ENOENT: "it is not installed",
    errno.ENOTDIR: "it is not installed",
    errno.EACCES: "it is not executable",
    errno.ENOEXEC: "it is not a program and has no interpreter in its first line",
}
_OUTPUT_ROUND = 0.2
_SHORT = 0.05
"""Seconds: a command that has ended by then without output needs no log tail."""
_LONGEST_ROUND = 1.0
_THREADS_SHOWN = 1000
"""Characters."""


class LoggedCommandRunner:
    """The command runner of one step; its commands run one after another.

    `marker` identifies the step's processes (see `process_tree`), `secrets` are values that the log
    must not show, `deadline` is the `time.monotonic()` at which the step must end, and
    `deadline_reason` says why. `silence` is how many seconds a command may run without output,
    `log_limit` the bytes of the log from which output is dropped (see StepLog.cut).
    `sandbox` makes the sandbox of the step, `limits` are for each of its commands.
    """

    def __init__(
        self,
        log: Path,
        *,
        marker: str,
        cancellation: Cancellation,
        sandbox: Callable[[], Sandbox] = NoSandbox,
        limits: StepLimits = NO_LIMITS,
        secrets: Collection[str] = (),
        deadline: float | None = None,
        deadline_reason: str = "its timeout expired",
        silence: float | None = None,
        grace: float = GRACE,
        log_limit: int | None = None,
    ) -> None:
        self._log = log
        self._marker = marker
        self._cancellation = cancellation
        self._sandbox = sandbox
        self._limits = limits
        self._secrets = tuple(secrets)
        self._deadline = deadline
        self._deadline_reason = deadline_reason
        self._silence = silence
        self._grace = grace
        self._log_limit = log_limit

    @property
    def log(self) -> Path:
        """The step's log file."""
        return self._log

    def cancel(self, reason: str) -> None:
        """Ask the build to stop, from any thread or signal handler."""
        self._cancellation.cancel(reason)

    def check_cancelled(self) -> None:
        """Raise StepCancelled when the build was asked to stop."""
        self._cancellation.check()

    def run(self, command: Command, on_line: Callable[[str], None] | None = None) -> ExitCode:
        """Run to the end and return the exit code (128+n when signal n ended the command).

        The log gets a line `$ command` before the output and one with exit code and seconds after
        it. Raises StepFailed (TOOL_MISSING, TIMEOUT, SILENT, DISK_FULL, OUT_OF_MEMORY),
        StepCancelled, and what `on_line` raised; then no process of the command is left. After a
        normal end, a daemon that the command started keeps running: `process_tree.sweep` ends it
        with the attempt.
        """
        self._cancellation.check()
        with open_log(self._log, self._log_limit) as log:
            log.write(f"$ {self._shown(command)}")
            sandbox = NoSandbox() if command.on_host else self._sandbox()
            with (
                sandbox.enclose(command) as started,
                limited(started, self._limits) as enclosed,
            ):
                code = self._run(command, enclosed, log, on_line)
        if code and (full := full_folder(self._log.parent, command.cwd)):
            raise StepFailed(FailureCode.DISK_FULL, f"no space is left on the disk of {full}")
        return code

    def _run(
        self,
        command: Command,
        enclosed: Enclosed,
        log: StepLog,
        on_line: Callable[[str], None] | None,
    ) -> ExitCode:
        start = time.monotonic()
        offset = log.size
        masked = MaskedOutput(log, self._secrets) if self._secrets else None
        process = self._start(command, enclosed, log, masked)
        tail = LogTail(log.path, offset, on_line, log.limit) if on_line else None
        try:
            if tail and not wait_for_end(process.pid, _SHORT, self._cancellation):
                tail.start()
            self._wait(process, command, log)
            code = _exit_code(enclosed, process.wait(), command.argv[0])
            if masked:
                masked.close()
            if tail:
                self._finish(tail, wrote=log.size > offset)
        except BaseException as error:
            if isinstance(error, StepFailed):
                said = last_lines(log.path, offset)
                stood = _note_threads(process.pid, log)
                kept = filter(None, (stood, error.excerpt, said))
                error.excerpt = mask("\n".join(kept), self._secrets)
            alive = end_tree(process.pid, self._marker, self._grace)
            process.poll()
            if masked:
                with suppress(StepFailed):
                    masked.close()
            if tail:
                tail.writer_ended()
            # On a full disk this line is lost; the raised exception says what happened.
            with suppress(StepFailed):
                log.cut(ended=True)
                log.write(_end_line(f"ended: {mask(str(error), self._secrets)}", start, alive))
            raise
        log.cut(ended=True)
        log.write(_end_line(f"exit code {code}", start, []))
        return code

    def _shown(self, command: Command) -> str:
        shown = shlex.join(mask(argument, self._secrets) for argument in command.argv)
        return shown.replace("\n", "\\n")

    def _start(
        self, command: Command, enclosed: Enclosed, log: StepLog, masked: MaskedOutput | None
    ) -> subprocess.Popen[bytes]:
        if masked is None:
            return self._popen(command, enclosed, log.descriptor)
        try:
            process = self._popen(command, enclosed, masked.descriptor)
        except BaseException:
            masked.started()
            masked.close()
            raise
        masked.started()
        return process

    def _popen(self, command: Command, enclosed: Enclosed, output: int) -> subprocess.Popen[bytes]:
        name = command.argv[0]
        if not command.cwd.is_dir():
            raise StepFailed(
                FailureCode.COMMAND_FAILED,
                f"cannot run {name}: the directory {command.cwd} does not exist",
            )
        argv = enclosed.argv
        is_wrapped = command.exit_file or argv != command.argv
        # A wrapper would only return 127.
        if is_wrapped and not shutil.which(name, path=command.env.get("PATH", os.defpath)):
            raise _missing(name, _CANT_START[errno.ENOENT])
        if command.exit_file:
            command.exit_file.parent.mkdir(parents=True, exist_ok=True)
            argv = recording(argv, command.exit_file)
        try:
            return subprocess.Popen(
                argv,
                cwd=command.cwd,
                env={**enclosed.env, MARKER_VARIABLE: self._marker},
                pass_fds=enclosed.descriptors,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            if error.errno not in _CANT_START:
                raise
            raise _missing(name, _CANT_START[error.errno]) from error

    def _wait(self, process: subprocess.Popen[bytes], command: Command, log: StepLog) -> None:
        start = spoke = time.monotonic()
        size = log.size
        ends = [start + command.timeout] if command.timeout is not None else []
        ends += [self._deadline] if self._deadline is not None else []
        name = Path(command.argv[0]).name
        while not wait_for_end(process.pid, self._until_look(ends), self._cancellation):
            log.cut()
            now = time.monotonic()
            if ends and now >= min(ends):
                late = self._deadline is not None and now >= self._deadline
                why = self._deadline_reason if late else "its timeout expired"
                raise StepFailed(
                    FailureCode.TIMEOUT, f"{name} was stopped after {now - start:.0f} s: {why}"
                )
            if log.size != size:
                size, spoke = log.size, now
            elif self._silence is not None and now - spoke >= self._silence:
                raise StepFailed(
                    FailureCode.SILENT,
                    f"{name} was stopped: no output for {self._silence:g} s",
                )

    def _until_look(self, ends: list[float]) -> float | None:
        """Seconds until the next check of the command."""
        rounds = [min(ends) - time.monotonic()] if ends else []
        if self._silence is not None:
            rounds.append(min(_LONGEST_ROUND, self._silence / 10))
        if self._log_limit is not None:
            rounds.append(_LONGEST_ROUND)
        return min(rounds) if rounds else None

    def _finish(self, tail: LogTail, *, wrote: bool) -> None:
        if wrote:
            tail.start()
        tail.writer_ended()
        while not tail.join(_OUTPUT_ROUND):
            self._cancellation.check()


def _note_threads(root: int, log: StepLog) -> str:
    """Before Java is stopped: log all threads; returns the stack of the working one."""
    stood: list[str] = []
    with suppress(psutil.Error, StepFailed):
        process = psutil.Process(root)
        # The youngest first: a test JVM is more informative than the Maven that waits for it.
        for dump in thread_dumps([*reversed(process.children(recursive=True)), process]):
            log.write(dump)
            stood = stood or where_threads_stood(dump)
    return "\n".join(stood)[:_THREADS_SHOWN]


def _exit_code(enclosed: Enclosed, returned: int, name: str) -> ExitCode:
    try:
        return enclosed.exit_code(returned)
    except OSError as error:
        if error.errno == errno.ENOENT:
            # It is on this machine: `_popen` has looked for it.
            why = "the sandbox hides it. Add its folder to `sandbox_paths` in builder.yaml"
            raise StepFailed(FailureCode.TOOL_MISSING, f"cannot start {name}: {why}.") from error
        if error.errno not in _CANT_START:
            raise
        raise _missing(name, _CANT_START[error.errno]) from error


def _missing(name: str, why: str) -> StepFailed:
    remedy = how_to_install([name]) if why == _CANT_START[errno.ENOENT] else ""
    return StepFailed(FailureCode.TOOL_MISSING, f"cannot start {name}: {why}.{remedy}")


def _end_line(how: str, start: float, alive: list[str]) -> str:
    left = f"; cannot end: {', '.join(alive)}" if alive else ""
    return f"# {how}, after {time.monotonic() - start:.3f} s{left}"

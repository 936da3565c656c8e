"""Runs short commands whose output is a value: a version, an object id."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.tree import MARKER_VARIABLE, end_tree
from pipelines.processes.wait import wait_for_end

if TYPE_CHECKING:
    import sh

_ANY_END = tuple(range(-64, 256))


@dataclass(frozen=True, slots=True)
class Captured:
    """How a short command ended."""

    code: int
    """Exit code; 128+n when signal n ended the command."""
    output: str
    """Standard output alone: data. Bytes that are no text come as `os.fsdecode` gives them."""
    errors: str
    """Standard error: a tool may warn there although all is well."""

    @property
    def text(self) -> str:
        """Standard output, then standard error: what people read."""
        return os.fsencode(self.output).decode("utf-8", "replace") + self.errors


def capture(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float = 60,
    cancellation: Cancellation | None = None,
    given: str = "",
) -> Captured:
    """Run `argv` to its end; `env` is its whole environment, `timeout` in seconds.

    `given` is what it reads from its standard input, bytes as `os.fsdecode` gives them.

    Raises StepFailed (TOOL_MISSING, TIMEOUT) and StepCancelled; then its process tree is gone.
    """
    marked = f"{env.get(MARKER_VARIABLE, 'capture')}/{uuid.uuid4()}"
    with (
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
        _readable(given) as stdin,
    ):
        marked_env = {**env, MARKER_VARIABLE: marked}
        running = _start(argv, cwd, marked_env, (stdin, output, errors))
        try:
            in_time = wait_for_end(running.pid, timeout, cancellation)
        except BaseException:
            _end(running, marked)
            raise
        if not in_time:
            _end(running, marked)
            raise StepFailed(
                FailureCode.TIMEOUT, f"{argv[0]} was ended: it took more than {timeout:g} s"
            )
        code = running.exit_code
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


def _content(stream: IO[bytes]) -> bytes:
    stream.seek(0)
    return stream.read()


def _start(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    streams: tuple[IO[bytes], IO[bytes], IO[bytes]],
) -> sh.RunningCommand:
    """Start it with its output in files and without sh's own time limit.

    That limit leaves grandchildren alive, and sh's pipes wait for a daemon that holds them open.
    """
    import sh  # noqa: PLC0415 - with asyncio it takes a tenth of a second, which `doit list` can do without

    program = shutil.which(argv[0], path=env.get("PATH", os.defpath))
    if program is None:
        raise StepFailed(
            FailureCode.TOOL_MISSING, f"{argv[0]} can't be started: it is not installed"
        )
    stdin, output, errors = streams
    return sh.Command(program)(
        *argv[1:],
        _bg=True,
        _bg_exc=False,
        _cwd=str(cwd),
        _env=dict(env),
        _in=stdin,
        _out=output,
        _err=errors,
        _tty_out=False,
        _new_session=True,
        _ok_code=_ANY_END,
    )


def _end(running: sh.RunningCommand, marked: str) -> None:
    end_tree(running.pid, marked, grace=1)
    running.is_alive()  # reaps it

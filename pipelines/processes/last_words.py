"""Records of a command that is about to be stopped: its last lines, and Java's stack traces.

A thread dump comes from `jcmd` of the very JDK that runs the process: a test JVM's own output is
a pipe that its Maven reads.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

_DUMP_SECONDS = 2.0
"""Seconds for all dumps together."""
_TAIL_BYTES = 1 << 16
_SHOWN_BYTES = 900
_SHOWN_FRAMES = 8
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_THREAD = re.compile(r'^"(?P<name>main|ForkJoinPool[^"]*|surefire[^"]*)"')
_OF_MAVEN = re.compile(r"\tat (?:\S+/)?(?:java|jdk|sun|org\.apache\.maven|org\.junit)\.")


def last_lines(log: Path, offset: int, size: int = _SHOWN_BYTES) -> str:
    """The last complete lines that were written from `offset` on, at most `size` bytes."""
    with log.open("rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(offset, end - _TAIL_BYTES))
        lines = stream.read().decode("utf-8", "replace").splitlines()
    kept: list[str] = []
    for line in reversed([_COLOURS.sub("", line).rstrip() for line in lines]):
        if not line:
            continue
        size -= len(line.encode()) + 1
        if size < 0:
            break
        kept.append(line)
    return "\n".join(reversed(kept))


def thread_dumps(processes: Iterable[psutil.Process]) -> list[str]:
    """A thread dump of each Java process that provides one within two seconds.

    The others get SIGQUIT, on which Java writes the dump to its own output.
    """
    asked = [(process, jcmd) for process in processes for jcmd in _ask_for_dump(process)]
    end = time.monotonic() + _DUMP_SECONDS
    dumps = []
    for process, jcmd in asked:
        try:
            output, _ = jcmd.communicate(timeout=max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            jcmd.kill()
            jcmd.communicate()
            with suppress(psutil.Error):
                process.send_signal(signal.SIGQUIT)
            continue
        dumps.append(output.decode("utf-8", "replace"))
    return dumps


def _ask_for_dump(process: psutil.Process) -> Iterator[subprocess.Popen[bytes]]:
    with suppress(psutil.Error, OSError):
        # A process that ends has no program any more; psutil says so by an empty name.
        program = Path(process.exe())
        jcmd = program.parent / "jcmd"
        if program.name == "java" and jcmd.is_file():
            argv = [str(jcmd), str(process.pid), "Thread.print"]
            nothing = subprocess.DEVNULL
            yield subprocess.Popen(argv, stdin=nothing, stdout=subprocess.PIPE, stderr=nothing)


def where_threads_stood(dump: str) -> list[str]:
    """The first frames of the working thread; frames of its own code are kept first."""
    threads = dump.split("\n\n")
    chosen = next((thread for thread in threads if _THREAD.match(thread)), "")
    head, *frames = chosen.splitlines() or [""]
    named = [frame for frame in frames if frame.startswith("\tat ")]
    own = [frame for frame in named if not _OF_MAVEN.match(frame)]
    shown = [named[0], *own] if named and named[0] not in own else own
    return [head.partition("#")[0].rstrip(), *shown[:_SHOWN_FRAMES]] if named else []

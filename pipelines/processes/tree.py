"""Find and end all processes that a command started.

Three methods, because each alone misses some: the session (a child can call setsid), the
descendants (init adopts a child whose parent has ended), and a marker in the environment (a program
can clear it). The marker also finds processes that are left when this program itself was killed.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from pipelines.workspace.layout import Workspace, folder_name

MARKER_VARIABLE = "BUILD_COORDINATION_ATTEMPT"
GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
_AFTER_KILL = 3.0
_ROUND = 0.05

_Find = Callable[[], set[psutil.Process]]


def builder_marker(state_dir: Path) -> str:
    """Marker that includes all markers of the builder that owns `state_dir`."""
    return hashlib.sha256(os.fsencode(state_dir.resolve())).hexdigest()[:16]


def marker(workspace: Workspace, step: str | None = None) -> str:
    """Marker of the attempt's processes, or of those of one step."""
    names = [workspace.job_id, str(workspace.attempt), *([step] if step else [])]
    return "/".join([builder_marker(workspace.state_dir), *map(folder_name, names)])


def sweep(above: str, grace: float = GRACE) -> list[str]:
    """End all processes whose marker is `above` or below it; describes each for a log."""
    found: set[psutil.Process] = set()

    def find() -> set[psutil.Process]:
        found.update(process for process in psutil.process_iter() if _has_marker(process, above))
        return found

    names = {process: _description(process) for process in find()}
    alive = _end(find, grace)
    return [names.get(process, str(process.pid)) for process in found - alive] + [
        f"{_description(process)} (cannot be ended)" for process in alive
    ]


def end_tree(root: int, marked: str, grace: float = GRACE) -> list[str]:
    """End the process `root`, its session, its descendants and all processes with the marker.

    The caller started `root` as the leader of a session and reaps it. Returns descriptions of
    processes still alive `grace` + 3 seconds later, which only the kernel can cause.
    """
    found: set[psutil.Process] = set()

    def find() -> set[psutil.Process]:
        found.update(_members(root, marked, found))
        return found

    return [_description(process) for process in _end(find, grace)]


def _end(find: _Find, grace: float) -> set[psutil.Process]:
    """Signal processes until none is found: they start others while they end."""
    asked: set[psutil.Process] = set()
    start = time.monotonic()
    while alive := {process for process in find() if _is_alive(process)}:
        waited = time.monotonic() - start
        if waited > grace + _AFTER_KILL:
            return alive
        if waited > grace:
            _kill(alive)
        else:
            _ask(alive - asked)
            asked |= alive
        time.sleep(_ROUND)
    return set()


def _ask(processes: Iterable[psutil.Process]) -> None:
    # Oldest first: a process that waits for another must get the signal before the other ends.
    for process in sorted(processes, key=_age):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.terminate()


def _age(process: psutil.Process) -> tuple[float, int]:
    """Sort key: older processes first."""
    try:
        return process.create_time(), process.pid
    except psutil.NoSuchProcess:
        return 0.0, process.pid


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        group = _group(process)
        if group and group != os.getpgid(0):
            # The whole group at once: a member that keeps forking and exiting is never where a list
            # of processes says it is.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.kill()


def _members(root: int, marked: str, known: set[psutil.Process]) -> set[psutil.Process]:
    everybody = [process for process in psutil.process_iter() if process.pid != os.getpid()]
    sessions = {root, *(process.pid for process in known)}
    members = {
        process
        for process in everybody
        if process in known or _session(process) in sessions or _has_marker(process, marked)
    }
    while True:
        pids = {process.pid for process in members}
        children = {p for p in everybody if p not in members and _parent(p) in pids}
        if not children:
            return members
        members |= children


def _has_marker(process: psutil.Process, above: str) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        found = process.environ().get(MARKER_VARIABLE, "")
    except (psutil.Error, OSError):
        # Another user's process, or one that has just ended: not ours to end.
        return False
    return found == above or found.startswith(f"{above}/")


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _session(process: psutil.Process) -> int | None:
    with suppress(OSError):
        return os.getsid(process.pid)
    return None


def _group(process: psutil.Process) -> int | None:
    with suppress(OSError):
        return os.getpgid(process.pid)
    return None


def _parent(process: psutil.Process) -> int | None:
    with suppress(psutil.Error):
        return process.ppid()
    return None


def _description(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {process.name()}"
    except psutil.Error:
        return str(process.pid)

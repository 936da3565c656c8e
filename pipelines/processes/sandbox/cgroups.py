"""Control groups, in which the kernel counts memory and processors of a command and its children.

Which hierarchy (version 2, or the older 1) a machine has, and whether this user may make groups in
it, depends on who started this program: only trying shows it.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from common.settings.sandbox import StepLimits

MEMORY, CPU = "memory", "cpu"
_OWN = "build-coordination-"
_LEAF = f"{_OWN}builder"
_PERIOD = 100_000
"""Microseconds over which the kernel counts the processor time of a group."""
_LONGEST_REMOVAL = 2.0
_ROUND = 0.01
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Places:
    """Folders in which this process may make groups, by the controller that limits there."""

    version: int
    folders: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """The groups of one command: one folder, or in version 1 one for each controller."""

    folders: tuple[Path, ...]

    @property
    def members(self) -> tuple[Path, ...]:
        """The files that a process enters by writing its id."""
        return tuple(folder / "cgroup.procs" for folder in self.folders)

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel killed a process because the group was at its limit."""
        return any(
            words[0] == "oom_kill" and int(words[1]) > 0
            for folder in self.folders
            for name in ("memory.events", "memory.oom_control")
            if (folder / name).exists()
            for words in map(str.split, (folder / name).read_text().splitlines())
        )


def find_places(mounts: str, membership: str) -> Places | None:
    """Where groups can be made, from the texts of /proc/self/mountinfo and /proc/self/cgroup."""
    mounted = dict(_mounted(mounts))
    own = dict(_memberships(membership))
    if "" in mounted and "" in own:
        folder = _version_2(mounted[""], own[""])
        if folder is not None:
            return Places(2, {MEMORY: folder, CPU: folder})
    found = {
        name: mounted[name] / own[name].lstrip("/")
        for name in (MEMORY, CPU)
        if name in mounted and name in own
    }
    found = {name: folder for name, folder in found.items() if _takes_groups(folder)}
    return Places(1, found) if found else None


@contextmanager
def control_group(places: Places, limits: StepLimits) -> Iterator[ControlGroup]:
    """A group with these limits. Raises OSError when the kernel refuses it."""
    settings = settings_of(places.version, limits)
    name = f"{_OWN}{os.getpid()}-{next(_numbers)}"
    folders = dict.fromkeys(
        places.folders[controller] / name for controller in settings if controller in places.folders
    )
    try:
        for folder in folders:
            _remove_abandoned(folder.parent)
            folder.mkdir()
        for controller, files in settings.items():
            if controller in places.folders:
                _set(places.folders[controller] / name, files)
        yield ControlGroup(tuple(folders))
    finally:
        for folder in folders:
            _remove(folder)


def _mounted(text: str) -> Iterator[tuple[str, Path]]:
    """Controllers and where their hierarchies are mounted; "" is version 2."""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        place = Path(before.split(" ")[4])
        if kind == "cgroup2":
            yield "", place
        elif kind == "cgroup":
            yield from ((name, place) for name in options.split(","))


def _memberships(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        _, names, path = line.split(":", 2)
        yield from ((name, path) for name in names.split(","))


def _version_2(mount: Path, path: str) -> Path | None:
    """The folder below which the controllers are available, made ready if it is delegated to us."""
    own = mount / path.lstrip("/")
    for folder in (own, own.parent):
        # A slice belongs to systemd, although root could write there.
        if folder.is_relative_to(mount) and folder.suffix != ".slice" and _limits_groups(folder):
            return folder
    if not _is_delegated(own):
        return None
    # A group with processes of its own cannot limit groups below it.
    try:
        leaf = own / _LEAF
        leaf.mkdir(exist_ok=True)
        for pid in (own / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                (leaf / "cgroup.procs").write_text(pid)
        (own / "cgroup.subtree_control").write_text(f"+{MEMORY} +{CPU}")
    except OSError:
        return None
    return own if _limits_groups(own) else None


def _limits_groups(folder: Path) -> bool:
    control = folder / "cgroup.subtree_control"
    try:
        return {MEMORY, CPU} <= set(control.read_text().split()) and _takes_groups(folder)
    except OSError:
        return False


def _is_delegated(folder: Path) -> bool:
    """Whether systemd says so (`Delegate=yes`)."""
    for name in ("user.delegate", "trusted.delegate"):
        with suppress(OSError):
            return os.getxattr(folder, name) == b"1"
    return False


def _takes_groups(folder: Path) -> bool:
    tried = folder / f"{_OWN}{os.getpid()}-0"
    try:
        tried.mkdir(exist_ok=True)
        tried.rmdir()
    except OSError:
        return False
    return True


def settings_of(version: int, limits: StepLimits) -> dict[str, Sequence[tuple[str, str, bool]]]:
    """File, content, and whether the kernel must have it, by controller."""
    made: dict[str, Sequence[tuple[str, str, bool]]] = {}
    if limits.memory is not None:
        size = str(limits.memory)
        made[MEMORY] = (
            (("memory.max", size, True), ("memory.swap.max", "0", False), _KILLS_ALL)
            if version == 2  # noqa: PLR2004
            else (
                ("memory.limit_in_bytes", size, True),
                ("memory.memsw.limit_in_bytes", size, False),
            )
        )
    if limits.cpus is not None:
        quota = str(int(limits.cpus * _PERIOD))
        made[CPU] = (
            (("cpu.max", f"{quota} {_PERIOD}", True),)
            if version == 2  # noqa: PLR2004
            else (("cpu.cfs_period_us", str(_PERIOD), True), ("cpu.cfs_quota_us", quota, True))
        )
    return made


_KILLS_ALL = ("memory.oom.group", "1", False)


def _set(folder: Path, files: Sequence[tuple[str, str, bool]]) -> None:
    for name, content, required in files:
        if required or (folder / name).exists():
            (folder / name).write_text(content)


def _remove(folder: Path) -> None:
    """A daemon of a command without a sandbox may stay in the group, and the group with it."""
    until = time.monotonic() + _LONGEST_REMOVAL
    while folder.exists():
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > until:
                return
            time.sleep(_ROUND)


def _remove_abandoned(above: Path) -> None:
    """Remove the groups of processes that were killed; those with processes stay."""
    for folder in above.glob(f"{_OWN}*-*"):
        pid = folder.name.removeprefix(_OWN).partition("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            with suppress(OSError):
                folder.rmdir()

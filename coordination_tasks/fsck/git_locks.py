"""Lock files that a killed git left in our local clones: finding and removing them.

Git makes `NAME.lock` beside the file that it changes, and refuses to start while one exists. A lock
that no running git can have made is removed; a git that cannot be inspected counts as its owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from coordination_tasks.fsck.finding import Finding

_CLONES = ("coordination/*/clone-*", "history/*", "heartbeats.git")
"""Not the workspaces: their content belongs to the build."""
_READER = "cat-file"
"""Runs beside each of our processes, and locks nothing."""


def check_locks(state_dir: Path) -> Iterator[Finding]:
    """Stale lock files in the clones of a builder's state directory."""
    for path in stale_locks(state_dir):
        yield Finding(
            path=str(path),
            problem=f"{path}: stale lock of a killed git in a local clone",
            remedy="doit fsck --repair removes it",
        )


def remove_locks(state_dir: Path) -> Iterator[str]:
    """Remove them; a line for each."""
    for path in stale_locks(state_dir):
        path.unlink(missing_ok=True)
        yield f"{path}: removed (no git uses that clone)"


def stale_locks(state_dir: Path) -> tuple[Path, ...]:
    """Lock files in clones that no running git uses, in order."""
    clones = [head.parent for place in _CLONES for head in state_dir.glob(f"{place}/HEAD")]
    locked = {clone: tuple(clone.rglob("*.lock")) for clone in clones}
    if not any(locked.values()):
        return ()
    used = tuple(_places_of_git())
    found = (
        locks
        for clone, locks in locked.items()
        if locks and not any(place is None or str(clone) in place for place in used)
    )
    return tuple(sorted(lock for locks in found for lock in locks))


def _places_of_git() -> Iterator[str | None]:
    """The repository of each running git; None if it cannot be inspected."""
    for process in psutil.process_iter(["name"]):
        if not str(process.info["name"]).startswith("git"):
            continue
        with suppress(psutil.NoSuchProcess):
            try:
                words = process.cmdline()
                if _READER not in words:
                    place = process.environ().get("GIT_DIR", "")
                    yield "\n".join([*words, place, process.cwd()])
            except psutil.AccessDenied:
                yield None

"""Whether a source tree still is as the steps of its job left it."""

from __future__ import annotations

import os
from pathlib import Path

from pipelines.workspace.layout import Workspace

_GIT = ".git"


def is_as_steps_left_it(workspace: Workspace) -> bool:
    """Whether nobody has changed the source tree since the last step of the job was at work.

    The times at which files were changed tell, which nobody can set (ctime); those of the logs
    and records say until when the steps were at work. What git keeps for itself does not count.
    """
    last = _last_work(workspace)
    for folder, inner, files in os.walk(workspace.source):
        inner[:] = [name for name in inner if name != _GIT]
        if any(_changed(os.path.join(folder, name)) > last for name in (".", *files)):  # noqa: PTH118
            return False
    return True


def _last_work(workspace: Workspace) -> int:
    logs = workspace.log("").parent
    notes = (path for folder in (logs, workspace.stamps) for path in folder.glob("*"))
    return max((path.lstat().st_mtime_ns for path in notes), default=0)


def _changed(path: str | Path) -> int:
    return os.lstat(path).st_ctime_ns

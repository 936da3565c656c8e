"""What a builder needs of its disk, its clock and the coordination repository."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from common.yaml.findings import did_you_mean
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.domain.errors import BrokenDocument, CoordinationError, NotDurable
from coordination_tasks.repository.git.objects import GitObjects
from coordination_tasks.repository.git.process import make_repository, run_git
from coordination_tasks.repository.git.responses import why
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store


class Check(NamedTuple):
    """What was checked, the result, and the remedy (None: nothing to do)."""

    name: str
    found: str
    remedy: str | None
    needed: bool = True
    """False: builds work without it."""

    @property
    def ok(self) -> bool:
        """Whether nothing needs to be done."""
        return self.remedy is None or not self.needed


GIB = 1024**3
WANTED_FREE_GIB = 10
TOLERATED_CLOCK_ERROR = timedelta(minutes=2)
_SECONDS = 60
_SEE_FSCK = "doit fsck shows the last valid version"


def check_builder(
    config: BuilderConfig, store: Store, pipelines: Collection[str] | None, now: datetime
) -> Iterator[Check]:
    """Check settings, disk, outbox, repository, permission to push, and clock.

    `pipelines` are the names of the known pipelines; None when their file cannot be used.
    """
    if config.default_pipeline is not None and pipelines is not None:
        yield check_default_pipeline(config.default_pipeline, pipelines)
    yield check_disk(config.state_dir)
    yield check_path(config.state_dir)
    yield check_outbox(config.state_dir / "outbox.sqlite")
    try:
        snapshot = store.snapshot()
    except CoordinationError as error:
        remedy = error.remedy or "check the address and the network"
        yield Check("coordination repository", error.cause, remedy)
        return
    yield check_queue(snapshot)
    yield check_push(config.coordination_repository, config.profile.id, now)
    yield check_clock(snapshot, now)


def check_pipelines(known: Collection[str] | None, problem: str) -> Check:
    """Whether the pipelines file can be used; else `problem` is its first error."""
    if known is None:
        return Check("pipelines", problem, "fix the file: `doit validate` shows every error.")
    return Check(
        "pipelines", f"{len(known)} {'pipeline' if len(known) == 1 else 'pipelines'}", None
    )


def check_queue(snapshot: Snapshot) -> Check:
    """Whether the queue is readable."""
    try:
        jobs = len(snapshot.jobs())
        return Check("coordination repository", f"{jobs} {'job' if jobs == 1 else 'jobs'}", None)
    except BrokenDocument as error:
        return Check("coordination repository", str(error.args[0]), _SEE_FSCK)


def check_default_pipeline(name: str, pipelines: Collection[str]) -> Check:
    """Whether jobs that name no pipeline can be built here."""
    if name in pipelines:
        return Check("default_pipeline", name, None)
    remedy = f"set another one in builder.yaml{did_you_mean(name, pipelines)}"
    return Check("default_pipeline", f"unknown pipeline {name[:60]!r}", remedy)


def check_outbox(journal: Path) -> Check:
    """Whether the records that this builder has not sent yet are readable."""
    try:
        with Outbox(journal) as outbox:
            waiting, refused = len(outbox.pending()), len(outbox.refused())
    except NotDurable as error:
        return Check("outbox", error.cause, error.remedy)
    return Check("outbox", f"{waiting} records waiting, {refused} refused", None)


def check_disk(folder: Path) -> Check:
    """Free space on the disk of the workspaces."""
    free = shutil.disk_usage(folder).free / GIB
    remedy = f"free some space: a CloudStack build needs {WANTED_FREE_GIB} GiB"
    found = f"{free:.0f} GiB free in {folder}"
    return Check("disk", found, remedy if free < WANTED_FREE_GIB else None)


def check_path(folder: Path) -> Check:
    """Whether the packaging tools can work below this folder."""
    if any(map(str.isspace, str(folder))):
        remedy = "use a path without spaces: make and most debian/rules cannot handle them"
        return Check("state_dir", f"{folder} contains a space", remedy, needed=False)
    return Check("state_dir", str(folder), None)


def check_push(repository: str, builder: str, now: datetime) -> Check:
    """Whether this builder may push; writes nothing there."""
    local = Path(repository)
    if local.is_dir() and not os.access(local / "objects", os.W_OK):
        return Check(
            "push permission", f"{local} is not writable", "give this user write permission"
        )
    if local.is_dir() and _forbids_forced_pushes(local):
        return Check(
            "push permission",
            f"granted, but {local} forbids forced pushes: heartbeats go to main",
            f"run `git -C {local} config receive.denyNonFastForwards false` (git init --shared has"
            " set it), and protect main with a hook.",
            needed=False,
        )
    with tempfile.TemporaryDirectory() as folder:
        git_dir = Path(folder)
        result = make_repository(git_dir)
        if result.code == 0:
            objects = GitObjects(git_dir)
            commit = objects.commit(None, {}, author=builder, at=now, message="doctor")
            objects.close()
            asked = ["push", "--dry-run", "--porcelain", "--no-verify", "--end-of-options"]
            what = [*asked, repository, f"{commit}:refs/heads/doctor-{builder}"]
            result = run_git(what, git_dir=git_dir, timeout=_SECONDS)
    if result.code is None:
        return Check("push permission", f"no answer in {_SECONDS} s", "check the network")
    if result.code:
        return Check("push permission", why(result), "check this builder's key")
    return Check("push permission", "granted", None)


def _forbids_forced_pushes(git_dir: Path) -> bool:
    asked = ["config", "--type=bool", "receive.denyNonFastForwards"]
    return run_git(asked, git_dir=git_dir, timeout=_SECONDS).output.strip() == "true"


def check_clock(snapshot: Snapshot, now: datetime) -> Check:
    """A clock that is behind the published times of other builders is wrong."""
    beats = []
    for name in snapshot.builders():
        try:
            beats.append(snapshot.builder_status(name).heartbeat_at)
        except BrokenDocument as error:
            return Check("clock", str(error.args[0]), _SEE_FSCK)
    latest = max((beat for beat in beats if beat), default=None)
    shown = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    if latest and latest - now > TOLERATED_CLOCK_ERROR:
        late = f"{shown}, but a builder already reported a later time: {latest.isoformat()}"
        return Check("clock", late, "set the clock (timedatectl set-ntp true)")
    return Check("clock", f"{shown}, no builder reported a later time", None)

"""Other jobs' workspaces on this builder, from which a job takes what it need not make again.

Files are copied (as reflinks where the file system has them), never shared: a build tool may write
in place, and a workspace may be cleaned at any time. Only the builder's one running build, and the
commands that wait for it, touch workspaces, so no donor changes while it is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import StepResult
from pipelines.execution.fingerprint import Fingerprint, first_difference
from pipelines.execution.success_records import Run, Stamp, Stamps, changed_output
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.capture import capture
from pipelines.workspace.job_metadata import JobNote, read_note
from pipelines.workspace.layout import Workspace
from pipelines.workspace.removal import discard
from pipelines.workspace.sync import sync_file_system
from pipelines.workspace.untouched_tree import is_as_steps_left_it

_MOST_LOOKED_AT = 10
_COPY_SECONDS = 3600.0
_CONTENT = ("build", "packages", "maven-repository", "maven", "scratch", "home")
"""All of a workspace but its manifest, which is one job's, its records, logs and rubbish."""

_WHAT_IS_RUN = ("definition", "environment")
"""Groups of a fingerprint: the others depend on what ran before."""


class Donors:
    """What the workspace of one job may take from those of others of its pipeline and params."""

    def __init__(
        self,
        workspace: Workspace,
        note: JobNote,
        cancellation: Cancellation,
        fingerprint_of: Callable[[str], Fingerprint | None],
    ) -> None:
        """`fingerprint_of` gives that of a step of this job; None when it can't be told now."""
        self._fingerprint_of = fingerprint_of
        self._own = workspace
        self._stamps = Stamps(workspace.stamps)
        self._note = note
        self._cancellation = cancellation

    def take(self, step: str, current: Fingerprint) -> bool:
        """Take the result of a step without a record here from a job that made it from the same.

        A step that names its outputs gives those alone. One that left more in the source can only
        be taken with its whole workspace, so only by a workspace that is empty still, and only
        from one on which nobody worked but the very steps that this job has.
        """
        for donor, note in self._donors():
            stamp = Stamps(donor.stamps).read(step)
            if stamp is None or first_difference(stamp.fingerprint, current):
                continue
            if changed_output(stamp, donor.root):
                continue
            if stamp.complete:
                if self._copy_outputs(donor, stamp):
                    self._write(stamp, note)
                    return True
            elif (
                self._is_empty()
                and self._is_made_alike(donor)
                and self._copy_all(donor, lambda _: None)
            ):
                self._take_stamps(donor, note)
                return True
        return False

    def what_changed(self, step: str, current: Fingerprint) -> str | None:
        """What differs from the newest other job that has a record of the step, in words."""
        for donor, note in self._donors():
            stamp = Stamps(donor.stamps).read(step)
            if stamp:
                difference = first_difference(stamp.fingerprint, current)
                return f"since job {note.job}, {difference.text}" if difference else None
        return None

    def take_same_tree(self, step: str, result: StepResult) -> str | None:
        """After a checkout that is first: take all that was made from an equal tree.

        Gives the run of the donor's checkout, which stands for this one from now on; None when
        nothing was taken.
        """
        if result.digest is None or not self._is_empty(besides=step):
            return None
        for donor, note in self._donors():
            stamp = Stamps(donor.stamps).read(step)
            if stamp is None or stamp.digest != result.digest:
                continue
            if changed_output(stamp, donor.root) or not self._is_made_alike(donor):
                continue
            if not self._copy_all(donor, self._keep_git):
                continue
            self._take_stamps(donor, note, besides=step)
            return stamp.run
        return None

    def _donors(self) -> Iterator[tuple[Workspace, JobNote]]:
        folders = [f for f in self._own.root.parent.iterdir() if (f / "stamps").is_dir()]
        folders.sort(key=lambda folder: (folder / "stamps").stat().st_mtime_ns, reverse=True)
        for folder in [f for f in folders if f != self._own.root][:_MOST_LOOKED_AT]:
            note = read_note(folder / "job.json")
            if note and (note.pipeline, note.params) == (self._note.pipeline, self._note.params):
                yield Workspace(self._own.state_dir, note.job), note

    def _is_empty(self, besides: str = "") -> bool:
        return not set(self._stamps.begun()) - {besides}

    def _is_made_alike(self, donor: Workspace) -> bool:
        """Whether the donor's tree holds nothing but what steps like this job's own left in it.

        A script that was changed since, a step that is gone, or a person at work in the tree may
        have left what a build of the commit would not have.
        """
        stamps = Stamps(donor.stamps)
        return all(map(self._is_alike, stamps.at_work())) and is_as_steps_left_it(donor)

    def _is_alike(self, work: Stamp | Run) -> bool:
        if isinstance(work, Stamp) and work.left_nothing:
            return True
        own = self._fingerprint_of(work.step)
        return own is not None and all(work.fingerprint.get(g) == own[g] for g in _WHAT_IS_RUN)

    def _copy_outputs(self, donor: Workspace, stamp: Stamp) -> bool:
        for name in stamp.outputs:
            target = self._own.root / name
            if Path(name).is_absolute() or not self._own.source.is_dir():
                return False
            target.parent.mkdir(parents=True, exist_ok=True)
            if not self._copy(donor.root / name, target):
                return False
        return True

    def _copy_all(self, donor: Workspace, adjust: Callable[[Path], None]) -> bool:
        """Copy the whole content; half of one never stands under its name with a record."""
        arriving = self._own.root / "arriving"
        discard(arriving, self._own.discarded)
        arriving.mkdir(parents=True)
        names = [name for name in _CONTENT if (donor.root / name).exists()]
        copied = all(self._copy(donor.root / name, arriving / name) for name in names)
        if copied:
            sync_file_system(arriving)
            adjust(arriving)
            for name in names:
                discard(self._own.root / name, self._own.discarded)
                (arriving / name).rename(self._own.root / name)
        discard(arriving, self._own.discarded)
        return copied

    def _keep_git(self, arriving: Path) -> None:
        """The copied tree is at the donor's commit, by its `.git` alone: put our own in."""
        git = arriving / "build" / "source" / ".git"
        discard(git, self._own.discarded)
        (self._own.source / ".git").rename(git)

    def _take_stamps(self, donor: Workspace, note: JobNote, besides: str = "") -> None:
        stamps = Stamps(donor.stamps)
        for step in stamps.recorded():
            stamp = stamps.read(step)
            if stamp and step != besides:
                self._write(stamp, note)

    def _write(self, stamp: Stamp, note: JobNote) -> None:
        self._stamps.write(replace(stamp, origin=stamp.origin or note.job))

    def _copy(self, source: Path, target: Path) -> bool:
        return self._run("cp", "-a", "-T", "--reflink=auto", "--", str(source), str(target))

    def _run(self, *argv: str) -> bool:
        try:
            done = capture(
                argv,
                cwd=self._own.root,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                timeout=_COPY_SECONDS,
                cancellation=self._cancellation,
            )
        except StepFailed:
            return False
        return done.code == 0

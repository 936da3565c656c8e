"""The bare mirror of a source repository, which provides the commits for all jobs of a builder.

A work tree made with `--shared` borrows the mirror's objects, so nothing is ever pruned from it:
git's automatic cleanup is off, and each commit that was built has a ref of its own.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Command, CommandRunner
from pipelines.git.remote import excerpt, says_not_there, says_unreachable, unreachable
from pipelines.processes.capture import Captured, capture
from pipelines.workspace.host_lock import host_lock
from pipelines.workspace.layout import folder_name
from pipelines.workspace.removal import discard

_KEPT_LINES = 60
_REFRESH_SECONDS = 600.0
_ALL = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


@dataclass(frozen=True, slots=True)
class GitRun:
    """How a git command ended."""

    code: int
    lines: Sequence[str]
    """The last lines of its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """Git commands of one step: they are logged, and stop when the build must stop."""

    commands: CommandRunner
    env: Mapping[str, str]
    progress: Callable[[str], None]

    def run(self, *arguments: str, cwd: Path) -> GitRun:
        """Run `git arguments` in `cwd`, and show its progress in percent."""
        lines: deque[str] = deque(maxlen=_KEPT_LINES)

        def on_line(line: str) -> None:
            lines.append(line)
            if "%" in line:
                self.progress(line.strip())

        command = Command(argv=("git", *arguments), cwd=cwd, env=self.env, on_host=True)
        return GitRun(self.commands.run(command, on_line), tuple(lines))


def mirror_path(mirrors: Path, url: str) -> Path:
    """The path of the mirror of `url` below `mirrors`."""
    return mirrors / f"{folder_name(url)}.git"


class Mirror:
    """The mirror of `url` below `mirrors`. Use it within `locked`."""

    def __init__(self, mirrors: Path, url: str, git: Git) -> None:
        self.path = mirror_path(mirrors, url)
        self._url = url
        self._git = git
        self._is_fresh = False

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other jobs of this host from changing the mirror."""
        with host_lock(self.path.with_suffix(".lock"), self._git.commands.check_cancelled):
            yield

    def fetch(self, commit: str) -> None:
        """Make sure that the mirror has the commit, and keeps it.

        Raises StepFailed: COMMIT_NOT_FOUND, SOURCE_UNREACHABLE, CHECKOUT_FAILED.
        """
        if not self.path.exists():
            self._clone()
        ref = f"refs/built/{commit}"
        # Some servers provide only the commits of branches and tags: then fetch all of them.
        if not (
            self._has(commit)
            or (self._fetched(f"+{commit}:{ref}") and self._has(commit))
            or (self._fetched("--prune", *_ALL) and self._has(commit))
        ):
            raise StepFailed(
                FailureCode.COMMIT_NOT_FOUND,
                f"unknown commit {commit} in {self._url}: no branch or tag contains it",
            )
        self._check_type(commit)
        kept = self._git.run("update-ref", ref, commit, cwd=self.path)
        if kept.code:
            raise _failed(f"cannot write the mirror {self.path}", kept)

    def refresh(self) -> bool:
        """Update branches and tags from the source; False when it did not answer."""
        if self._is_fresh:
            return True
        return refresh(self.path, self._url, self._git.env)

    def renew_if_damaged(self) -> bool:
        """Replace a damaged mirror; False when it is not damaged."""
        if self._is_fresh or self._git.run("fsck", "--no-dangling", cwd=self.path).code == 0:
            return False
        discard(self.path, self._graveyard)
        self._clone()
        return True

    @property
    def _graveyard(self) -> Path:
        return self.path.with_suffix(".discarded")

    def _clone(self) -> None:
        """Make the mirror under a temporary name first: a killed clone never counts as a mirror.

        The name is new each time, because a git whose parent was killed keeps writing.
        """
        folder = self.path.parent
        folder.mkdir(parents=True, exist_ok=True)
        for left_over in folder.glob(f"{self.path.stem}.*.tmp"):
            discard(left_over, self._graveyard)
        temporary = self.path.with_suffix(f".{uuid.uuid4().hex}.tmp")
        try:
            made = self._git.run(
                *("clone", "--bare", "--progress", "--no-local", "--template="),
                *("--end-of-options", self._url, str(temporary)),
                cwd=folder,
            )
            if made.code:
                raise unreachable(self._url, made.lines, self._git.env)
            temporary.rename(self.path)
        finally:
            discard(temporary, self._graveyard)
        self._is_fresh = True

    def _has(self, commit: str) -> bool:
        check = ("cat-file", "-e", f"{commit}^{{commit}}")
        got = self._git.run(*check, cwd=self.path)
        complains = any(line.startswith("error: ") for line in got.lines)
        if got.code and complains and self.renew_if_damaged():
            got = self._git.run(*check, cwd=self.path)
        return got.code == 0

    def _check_type(self, commit: str) -> None:
        """Reject the id of an annotated tag: records and scripts would treat it as the commit."""
        shown = self._git.run("rev-parse", "--verify", f"{commit}^{{commit}}", cwd=self.path)
        if shown.code == 0 and shown.lines and shown.lines[-1] != commit:
            raise StepFailed(
                FailureCode.COMMIT_NOT_FOUND,
                f"{commit} is an annotated tag, not a commit: enqueue its commit {shown.lines[-1]}"
                ", or the tag by its name",
            )

    def _fetched(self, *what: str) -> bool:
        """Whether the fetch succeeded; False when the remote has no such object."""
        got = self._fetch(*what)
        if got.code and not says_not_there(got.lines) and not says_unreachable(got.lines):
            got = self._fetch(*what) if self.renew_if_damaged() else got
        if got.code == 0 or says_not_there(got.lines):
            return got.code == 0
        if says_unreachable(got.lines):
            raise unreachable(self._url, got.lines, self._git.env)
        raise _failed(f"fetching from {self._url} failed with exit code {got.code}", got)

    def _fetch(self, *what: str) -> GitRun:
        options = [argument for argument in what if argument.startswith("--")]
        refspecs = [argument for argument in what if argument not in options]
        return self._git.run(
            *("fetch", "--progress", "--force", *options),
            *("--end-of-options", self._url, *refspecs),
            cwd=self.path,
        )


def refresh(mirror: Path, url: str, env: Mapping[str, str]) -> bool:
    """Make the mirror's branches and tags those of the source; False when that did not succeed.

    Nothing is fetched when they are the same: git would look at the history of all of them.
    """

    def run(*arguments: str) -> Captured:
        return capture(("git", *arguments), cwd=mirror, env=env, timeout=_REFRESH_SECONDS)

    try:
        theirs = run("ls-remote", "--refs", "--heads", "--tags", "--end-of-options", url)
        if theirs.code:
            return False
        ours = run("for-each-ref", "--format=%(objectname)%09%(refname)", "refs/heads", "refs/tags")
        if ours.code == 0 and sorted(ours.output.split("\n")) == sorted(theirs.output.split("\n")):
            return True
        fetched = run("fetch", "--quiet", "--prune", "--force", "--end-of-options", url, *_ALL)
    except StepFailed:
        return False
    return fetched.code == 0


def _failed(message: str, run: GitRun) -> StepFailed:
    return StepFailed(FailureCode.CHECKOUT_FAILED, message, excerpt=excerpt(run.lines))

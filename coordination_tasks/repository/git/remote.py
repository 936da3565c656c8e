"""The remote side of the coordination repository: its address, fetches and pushes.

Works over file, ssh, smart HTTP and git-daemon addresses.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from coordination_tasks.domain.errors import (
    AccessDenied,
    BadConfiguration,
    Unavailable,
    WrongObjectFormat,
)
from coordination_tasks.repository.git.process import GitResult, run_git
from coordination_tasks.repository.git.responses import Response, fetch_response, why

NOTES = "refs/heads/claim-request-"
"""Prefix of the branches of notes, one per owner."""

TAGS = "refs/tags/"
_USUAL_OTHER = "refs/heads/master"
_PART = r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*"
_BRANCH = re.compile(rf"{_PART}(?:/{_PART})*")
_LONGEST_BRANCH = 100


def is_branch(text: str) -> bool:
    """Whether `text` can name one of our branches."""
    if len(text) > _LONGEST_BRANCH or _BRANCH.fullmatch(text) is None:
        return False
    return not any(part.endswith(".lock") for part in text.split("/"))


_OTHER_FORMAT = re.compile(r"mismatched algorithms|support this repository's hash algorithm")
FETCHED = "refs/fetched/"
"""The refs of other branches in a clone."""


class GitRemote:
    """One branch of one remote; `timeout` (seconds) limits each command."""

    def __init__(self, url: str, branch: str, timeout: float) -> None:
        if not url or url.startswith("-") or not url.isprintable():
            raise BadConfiguration(f"invalid address of the coordination repository: {url[:100]!r}")
        if not is_branch(branch):
            raise BadConfiguration(f"invalid branch {branch[:100]!r}")
        # a path must not depend on git's working directory
        self._url = str(Path(url).resolve()) if Path(url).exists() else url
        self._ref = f"refs/heads/{branch}"
        self._timeout = timeout

    @property
    def key(self) -> str:
        """A folder name that differs when address or branch differ."""
        return hashlib.sha256(f"{self._url}\n{self._ref}".encode()).hexdigest()[:12]

    def fetch(self, git_dir: Path, target: str, *options: str) -> GitResult:
        """Fetch the branch into the ref `target` of a clone (with `+` even if it was rewritten)."""
        result = fetch_ref(git_dir, self._url, self._ref, target, *options, timeout=self._timeout)
        if fetch_response(result) is Response.ABSENT:
            self._check_format(git_dir)
        return result

    def fetch_with_notes(self, git_dir: Path, target: str, notes: str) -> GitResult:
        """Fetch the branch like `fetch`, and the notes into refs that start with `notes`."""
        refs = (f"{self._ref}:{target}", f"+{NOTES}*:{notes}*")
        return _fetch(git_dir, self._url, refs, "--prune", timeout=self._timeout)

    def push(
        self,
        git_dir: Path,
        commit: str,
        *,
        expected: str,
        takes: Mapping[str, str],
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> GitResult:
        """Set the branch to `commit` if it is still `expected` ("": absent).

        The same push removes the notes in `takes` (owner, commit) and adds `tags` (name, object);
        otherwise nothing changes.
        """
        leases = {self._ref: expected, **{NOTES + owner: mark for owner, mark in takes.items()}}
        options = [f"--force-with-lease={ref}:{value}" for ref, value in leases.items()]
        atomic = ["--atomic"] if takes or tags else []
        changes = [f"{commit}:{self._ref}", *(f":{NOTES}{owner}" for owner in takes)]
        changes += [f"{tag}:{TAGS}{name}" for name, tag in tags.items()]
        return self._push(git_dir, [*atomic, *options], changes)

    def check_is_default(self, git_dir: Path) -> None:
        """Raise BadConfiguration when the repository has another default branch than this one.

        Call it before starting the branch: a repository with another one may be the wrong
        repository.
        """
        found = self._asked(git_dir, "HEAD", _USUAL_OTHER)
        named = re.search(r"^ref: (\S+)\tHEAD$", found, re.MULTILINE)
        other = named[1] if named else _USUAL_OTHER if _USUAL_OTHER in found else self._ref
        if other != self._ref:
            wanted, there = (ref.removeprefix("refs/heads/") for ref in (self._ref, other))
            raise BadConfiguration(
                f"the coordination repository has no branch {wanted}, and its default branch is "
                f"{there}: is it the right repository? If so, rename the branch there: "
                f"`git branch -m {there} {wanted}`"
            )

    def _check_format(self, git_dir: Path) -> None:
        """Raise WrongObjectFormat when the repository, which may be empty, stores SHA-256 objects.

        git itself compares formats only when it transfers a commit.
        """
        with tempfile.TemporaryDirectory() as folder:
            trace = Path(folder) / "trace"
            run_git(
                ["ls-remote", "--end-of-options", self._url],
                git_dir=git_dir,
                timeout=self._timeout,
                env={"GIT_TRACE_PACKET": str(trace)},
            )
            if trace.exists() and b"object-format=sha256" in trace.read_bytes():
                raise _wrong_format()

    def _asked(self, git_dir: Path, *refs: str) -> str:
        asked = ["ls-remote", "--symref", "--end-of-options", self._url, *refs]
        result = run_git(asked, git_dir=git_dir, timeout=self._timeout)
        return result.output if result.code == 0 else ""

    def push_note(self, git_dir: Path, owner: str, commit: str) -> GitResult:
        """Set the owner's note to `commit`, whatever it was."""
        return self._push(git_dir, ["--force"], [f"{commit}:{NOTES}{owner}"])

    def delete_note(self, git_dir: Path, owner: str) -> GitResult:
        """Remove the owner's note."""
        # with the full ref name git reports success for deleting a missing branch
        return self._push(git_dir, ["--force"], [f":{NOTES.removeprefix('refs/')}{owner}"])

    def _push(self, git_dir: Path, options: list[str], changes: list[str]) -> GitResult:
        always = ["push", "--porcelain", "--no-verify"]
        result = run_git(
            [*always, *options, "--end-of-options", self._url, *changes],
            git_dir=git_dir,
            timeout=self._timeout,
        )
        return _of_our_format(result)

    def delete_tags(self, git_dir: Path, names: Collection[str]) -> GitResult:
        """Remove tags."""
        return self._push(git_dir, ["--force"], [f":{TAGS}{name}" for name in names])

    def list_tags(self, git_dir: Path, prefix: str) -> GitResult:
        """The object of each tag whose name starts with `prefix`."""
        command = ["ls-remote", "--refs", "--end-of-options", self._url, f"{TAGS}{prefix}*"]
        return run_git(command, git_dir=git_dir, timeout=self._timeout)

    def fetch_tags(self, git_dir: Path, prefix: str) -> GitResult:
        """Fetch the tags whose names start with `prefix` into FETCHED, without their history."""
        refs = (f"+{TAGS}{prefix}*:{FETCHED}{prefix}*",)
        return _fetch(git_dir, self._url, refs, "--prune", "--depth=1", timeout=self._timeout)

    def push_forced(self, git_dir: Path, commit: str) -> GitResult:
        """Set the branch to `commit`, whatever it was."""
        return self._push(git_dir, [], [f"+{commit}:{self._ref}"])

    def push_branches(self, git_dir: Path, changes: Mapping[str, tuple[str, str]]) -> GitResult:
        """Set each branch to a commit ("": remove it) if it is still at another ("": absent).

        All or none.
        """
        leases = [f"--force-with-lease=refs/heads/{name}:{at}" for name, (_, at) in changes.items()]
        refs = [f"{commit}:refs/heads/{name}" for name, (commit, _) in changes.items()]
        return self._push(git_dir, ["--atomic", *leases] if len(refs) > 1 else leases, refs)

    def list(self, git_dir: Path, branches: Collection[str]) -> GitResult:
        """The commit of each branch; names may contain `*`."""
        wanted = sorted(f"refs/heads/{branch}" for branch in branches)
        command = ["ls-remote", "--end-of-options", self._url, *wanted]
        return run_git(command, git_dir=git_dir, timeout=self._timeout)

    def fetch_branches(self, git_dir: Path, branches: Collection[str]) -> GitResult:
        """Fetch the newest commits of other branches, rewritten or not, into FETCHED."""
        wanted = [f"+refs/heads/{branch}:{FETCHED}{branch}" for branch in branches]
        return _fetch(git_dir, self._url, tuple(wanted), "--depth=1", timeout=self._timeout)


def fetch_ref(
    git_dir: Path, source: str, ref: str, target: str, *options: str, timeout: float
) -> GitResult:
    """Fetch `ref` of `source` into `target`; nothing else of the clone changes."""
    force = "+" if target.startswith("+") else ""
    refs = (f"{force}{ref}:{target.removeprefix('+')}",)
    return _fetch(git_dir, source, refs, *options, timeout=timeout)


def _fetch(
    git_dir: Path, source: str, refs: tuple[str, ...], *options: str, timeout: float
) -> GitResult:
    result = run_git(
        [
            "fetch",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            *options,
            "--end-of-options",
            source,
            *refs,
        ],
        git_dir=git_dir,
        timeout=timeout,
    )
    return _of_our_format(result)


def _of_our_format(result: GitResult) -> GitResult:
    """`result`, unless git says that the other repository has another format of objects."""
    if result.code and _OTHER_FORMAT.search(result.errors):
        raise _wrong_format()
    return result


def _wrong_format() -> WrongObjectFormat:
    return WrongObjectFormat("the coordination repository stores SHA-256 objects, expected SHA-1")


def fail(response: Response, result: GitResult) -> NoReturn:
    """Raise the error that a failed command to the remote means for the caller."""
    if response is Response.DENIED:
        raise AccessDenied(f"the coordination repository denies access: {why(result)}")
    raise Unavailable(f"cannot reach the coordination repository: {why(result)}")

"""The remote side of the coordination repository: its address, and the two commands it is asked.

Works over file, ssh, smart HTTP and git-daemon addresses.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from pathlib import Path
from typing import NoReturn

from coordination_tasks.errors import AccessDenied, BadConfiguration, Unavailable
from coordination_tasks.git_command import GitResult, run_git
from coordination_tasks.git_verdict import Verdict, why

_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,100}")


def is_branch(text: str) -> bool:
    """Whether `text` can be the name of a branch of ours."""
    return _BRANCH.fullmatch(text) is not None and ".." not in text


class GitRemote:
    """One branch of one remote; `timeout` (seconds) bounds each talk with it."""

    def __init__(self, url: str, branch: str, timeout: float) -> None:
        if not url or url.startswith("-") or not url.isprintable():
            raise BadConfiguration(f"{url[:100]!r} can't be a coordination repository's address")
        if not is_branch(branch):
            raise BadConfiguration(f"{branch[:100]!r} can't be a branch")
        # a path must not depend on the directory that git happens to run in
        self._url = str(Path(url).resolve()) if Path(url).exists() else url
        self._ref = f"refs/heads/{branch}"
        self._timeout = timeout

    @property
    def key(self) -> str:
        """A folder's name: differs when address or branch differ."""
        return hashlib.sha256(f"{self._url}\n{self._ref}".encode()).hexdigest()[:12]

    def fetch(self, git_dir: Path, target: str, *options: str) -> GitResult:
        """Fetch the branch into the ref `target` of a clone (`+` before it: rewritten or not)."""
        return fetch_ref(git_dir, self._url, self._ref, target, *options, timeout=self._timeout)

    def push(self, git_dir: Path, commit: str, *, expected: str) -> GitResult:
        """Make the branch `commit` if it still is `expected` ("": absent)."""
        return run_git(
            [
                "push",
                "--porcelain",
                "--no-verify",
                f"--force-with-lease={self._ref}:{expected}",
                "--end-of-options",
                self._url,
                f"{commit}:{self._ref}",
            ],
            git_dir=git_dir,
            timeout=self._timeout,
        )

    def push_forced(self, git_dir: Path, commit: str) -> GitResult:
        """Make the branch `commit`, whatever it was."""
        target = f"+{commit}:{self._ref}"
        command = ["push", "--porcelain", "--no-verify", "--end-of-options", self._url, target]
        return run_git(command, git_dir=git_dir, timeout=self._timeout)

    def list(self, git_dir: Path, branches: Collection[str]) -> GitResult:
        """The commit of each branch; names may have `*`."""
        wanted = sorted(f"refs/heads/{branch}" for branch in branches)
        command = ["ls-remote", "--end-of-options", self._url, *wanted]
        return run_git(command, git_dir=git_dir, timeout=self._timeout)

    def fetch_branch(self, git_dir: Path, branch: str) -> tuple[GitResult, str]:
        """Fetch the newest commit of another branch, whatever it was; the commit."""
        target = f"refs/fetched/{branch}"
        result = fetch_ref(
            git_dir,
            self._url,
            f"refs/heads/{branch}",
            f"+{target}",
            "--depth=1",
            timeout=self._timeout,
        )
        found = run_git(["rev-parse", target], git_dir=git_dir, timeout=self._timeout)
        return result, found.output.strip()


def fetch_ref(
    git_dir: Path, source: str, ref: str, target: str, *options: str, timeout: float
) -> GitResult:
    """Fetch `ref` of `source` into `target` without touching anything else of the clone."""
    force = "+" if target.startswith("+") else ""
    return run_git(
        [
            "fetch",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            *options,
            "--end-of-options",
            source,
            f"{force}{ref}:{target.removeprefix('+')}",
        ],
        git_dir=git_dir,
        timeout=timeout,
    )


def fail(verdict: Verdict, result: GitResult) -> NoReturn:
    """Raise what a failed talk with the remote means for those who wanted it."""
    if verdict is Verdict.DENIED:
        raise AccessDenied(f"the coordination repository denies access: {why(result)}")
    raise Unavailable(f"the coordination repository can't be reached: {why(result)}")

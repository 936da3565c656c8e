"""The remote side of the coordination repository: its address, and the two commands it is asked.

Works over file, ssh, smart HTTP and git-daemon addresses.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NoReturn

from coordination_tasks.errors import AccessDenied, BadConfiguration, Unavailable
from coordination_tasks.git_command import GitResult, run_git
from coordination_tasks.git_verdict import Verdict, why

_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,100}")


class GitRemote:
    """One branch of one remote; `timeout` (seconds) bounds each talk with it."""

    def __init__(self, url: str, branch: str, timeout: float) -> None:
        if not url or url.startswith("-") or not url.isprintable():
            raise BadConfiguration(f"{url[:100]!r} can't be a coordination repository's address")
        if not _BRANCH.fullmatch(branch) or ".." in branch:
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

"""Run one git command that may use the network: limited in time, silent, leaving nothing running.

Not through `sh` or GitPython: `sh` polls (100 ms a call where this takes 4), and the time limits of
both leave git's own children (ssh, pack-objects) alive.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from coordination_tasks.domain.errors import BadConfiguration

_INHERITED_REPOSITORY = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_QUARANTINE_PATH",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)
_SETTINGS = (
    "color.ui=false",
    "core.filesRefLockTimeout=1000",
    "core.hooksPath=/dev/null",
    "fetch.recurseSubmodules=no",
    "fetch.showForcedUpdates=true",
    "fetch.writeCommitGraph=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "push.followTags=false",
    "push.gpgSign=false",
    "push.pushOption=",
    "push.recurseSubmodules=no",
)
"""Settings that we rely on, whatever the user's own configuration says. For example, with
`fetch.showForcedUpdates` off, git does not report that a branch was rewritten. A remote on this
disk, whose hooks and rules are not ours, does not see them."""
_OPTIONS = tuple(word for setting in _SETTINGS for word in ("-c", setting))
_MOST_OUTPUT = 1 << 20
_INIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class GitResult:
    """How a git command ended. `code` is None when it was killed after its timeout."""

    code: int | None
    output: str
    errors: str


def git_environment() -> dict[str, str]:
    """Our environment without another repository's variables, in English, without prompts."""
    kept = {key: value for key, value in os.environ.items() if key not in _INHERITED_REPOSITORY}
    return {**kept, "LC_ALL": "C", "LANGUAGE": "C", "GIT_TERMINAL_PROMPT": "0"}


def run_git(
    arguments: Sequence[str],
    *,
    git_dir: Path,
    timeout: float,
    env: Mapping[str, str] = MappingProxyType({}),
) -> GitResult:
    """Run git on the repository `git_dir`; after `timeout` seconds its process group is killed.

    `env` has further variables.
    Raises BadConfiguration when there is no git.
    Output goes to files: an escaped grandchild cannot block us by holding a pipe open.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                ["git", *_OPTIONS, f"--git-dir={git_dir}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env={**git_environment(), **env},
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise BadConfiguration("git is not on PATH: apt-get install git") from error
        code = _ended(process, timeout)
        return GitResult(code, _text(output.fileno()), _text(errors.fileno()))


def make_repository(git_dir: Path) -> GitResult:
    """Make an empty bare repository, whatever the user's templates and object format are."""
    plain = ["--template=", "--object-format=sha1"]
    command = ["init", "--quiet", "--bare", *plain, "--end-of-options", str(git_dir)]
    return run_git(command, git_dir=git_dir, timeout=_INIT_SECONDS)


def _ended(process: subprocess.Popen[bytes], timeout: float) -> int | None:
    # Popen.wait with a timeout polls, up to 50 ms late
    ended = select.poll()
    try:
        descriptor = os.pidfd_open(process.pid)
        try:
            ended.register(descriptor, select.POLLIN)
            return process.wait() if ended.poll(timeout * 1000) else None
        finally:
            os.close(descriptor)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _text(descriptor: int) -> str:
    return os.pread(descriptor, _MOST_OUTPUT, 0).decode("utf-8", "replace")

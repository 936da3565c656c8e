"""What a checked out tree says of its commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.capture import capture
from pipelines.errors import FailureCode, StepFailed


@dataclass(frozen=True, slots=True)
class HeadCommit:
    """The commit that is checked out."""

    sha: str
    tree: str
    time: datetime
    """The committer's time, in UTC."""


def local_git_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Environment for git in the source tree: what git exports to its hooks names another one."""
    kept = {name: value for name, value in env.items() if not name.startswith("GIT_")}
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def read_head_commit(source: Path, env: Mapping[str, str]) -> HeadCommit:
    """Ask git. Raises StepFailed (CHECKOUT_FAILED): a git that fails must not mean `no commit`."""
    got = capture(
        ["git", "log", "-1", "--no-show-signature", "--format=%H %T %ct"],
        cwd=source,
        env=local_git_environment(env),
    )
    words = got.output.split()
    if got.code != 0 or len(words) != 3:  # noqa: PLR2004 - the three of the format
        raise StepFailed(
            FailureCode.CHECKOUT_FAILED,
            f"git can't tell which commit is in {source}",
            excerpt=got.text[:2000],
        )
    return HeadCommit(words[0], words[1], datetime.fromtimestamp(int(words[2]), UTC))

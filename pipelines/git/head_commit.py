"""The commit of a checked out tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.git.local import git_output
from pipelines.git.own_git_dir import git_in_tree
from pipelines.git.tracked_files import checked_out_submodules


@dataclass(frozen=True, slots=True)
class HeadCommit:
    """The commit that is checked out."""

    sha: str
    tree: str
    time: datetime
    """The committer's time, in UTC."""


def read_head_commit(source: Path, env: Mapping[str, str]) -> HeadCommit:
    """Ask git. Raises StepFailed (CHECKOUT_FAILED): a failing git must not mean `no commit`."""
    got = git_in_tree(source, env, "log", "-1", "--no-show-signature", "--format=%H %T %ct")
    words = got.output.split()
    if got.code != 0 or len(words) != 3:  # noqa: PLR2004 - the three of the format
        raise StepFailed(
            FailureCode.CHECKOUT_FAILED,
            f"git cannot find the commit of {source}",
            excerpt=got.text[:2000],
        )
    return HeadCommit(words[0], words[1], datetime.fromtimestamp(int(words[2]), UTC))


def describe_head(source: Path, env: Mapping[str, str]) -> str:
    """`git describe` of the commit: the last tag, or only the commit if there is none.

    Raises StepFailed (CHECKOUT_FAILED).
    """
    words = ("describe", "--tags", "--always", "--abbrev=12")
    return git_output(source, env, *words, problem=f"git cannot describe {source}").strip()


def has_changes(source: Path, env: Mapping[str, str]) -> bool:
    """Whether files of the commit were changed or removed, also in submodules.

    Raises StepFailed (CHECKOUT_FAILED).
    """
    # Otherwise git starts another one in each submodule, with the configuration that is there.
    words = ("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty")
    problem = f"git cannot compare {source}"
    trees = (source, *checked_out_submodules(source, env))
    return any(git_output(tree, env, *words, problem=problem) for tree in trees)

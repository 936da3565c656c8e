"""Git queries about an existing source tree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.git.own_git_dir import git_in_tree

_LONGEST_EXCERPT = 2000


def git_output(
    source: Path, env: Mapping[str, str], *arguments: str, problem: str, timeout: float = 60
) -> str:
    """Standard output of git in `source`; `timeout` in seconds.

    Raises StepFailed (CHECKOUT_FAILED) with `problem` when git fails: that must not mean `nothing`.
    """
    done = git_in_tree(source, env, *arguments, timeout=timeout)
    if done.code:
        excerpt = done.text[:_LONGEST_EXCERPT]
        raise StepFailed(FailureCode.CHECKOUT_FAILED, problem, excerpt=excerpt)
    return done.output

"""Git queries about an existing source tree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.processes.capture import capture

_LONGEST_EXCERPT = 2000


def local_git_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Environment for git in the source tree, without what git exports to its hooks."""
    kept = {name: value for name, value in env.items() if not name.startswith("GIT_")}
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def git_output(
    source: Path, env: Mapping[str, str], *arguments: str, problem: str, timeout: float = 60
) -> str:
    """Standard output of git in `source`; `timeout` in seconds.

    Raises StepFailed (CHECKOUT_FAILED) with `problem` when git fails: that must not mean `nothing`.
    """
    done = capture(("git", *arguments), cwd=source, env=local_git_environment(env), timeout=timeout)
    if done.code:
        excerpt = done.text[:_LONGEST_EXCERPT]
        raise StepFailed(FailureCode.CHECKOUT_FAILED, problem, excerpt=excerpt)
    return done.output

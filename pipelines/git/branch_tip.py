"""What the claim asks of a pipeline's source repository."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.domain.errors import PipelineError
from pipelines.domain.pipeline import Source
from pipelines.git.remote import resolve_branch


def branch_tip(source: Source, branch: str, env: Mapping[str, str]) -> str | None:
    """Commit at the tip of `branch`; None when it can't be told.

    The job is claimed all the same, and its checkout step then fails with the cause in words: so
    the cause is in the coordination repository, not only on the terminal of one builder.
    """
    try:
        return resolve_branch(source.repository, branch, env)
    except PipelineError:
        return None

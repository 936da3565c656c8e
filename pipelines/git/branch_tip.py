"""The queries of a pipeline's source repository by claim and queue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pipelines.domain.errors import PipelineError, StepFailed
from pipelines.domain.pipeline import Source
from pipelines.git.remote import resolve_branch, resolve_tag


def branch_tip(source: Source, branch: str, env: Mapping[str, str]) -> str | None:
    """The commit at the tip of `branch`; None when it is unknown.

    The job is claimed anyway, and its checkout step then fails with the cause: so the cause is
    recorded in the coordination repository, not only shown on the terminal of one builder.
    """
    try:
        return resolve_branch(source.repository, branch, env)
    except PipelineError:
        return None


def branch_commit(source: Source, branch: str, env: Mapping[str, str]) -> str | None:
    """The commit at the tip of `branch`; None when there is no such branch.

    Raises ConnectionError when the source cannot be asked, ValueError for an invalid name.
    """
    with _source_asked():
        return resolve_branch(source.repository, branch, env)


def tag_commit(source: Source, tag: str, env: Mapping[str, str]) -> str | None:
    """Commit that `tag` names; None when there is no such tag.

    Raises ConnectionError when the source cannot be asked, ValueError for an invalid tag.
    """
    with _source_asked():
        return resolve_tag(source.repository, tag, env)


@contextmanager
def _source_asked() -> Iterator[None]:
    try:
        yield
    except StepFailed as error:
        raise ConnectionError(error.message) from error

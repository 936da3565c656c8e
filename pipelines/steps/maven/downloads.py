"""Downloads that a job's Maven shares with the builder's other jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.domain.pipeline import StepContext
from pipelines.steps.maven.repository import fill, harvest, reactor_folders
from pipelines.workspace.host_lock import host_lock


@contextmanager
def shared_downloads(context: StepContext) -> Iterator[None]:
    """Around a build: provide the cache's downloads, and store new ones after a success.

    Those of a job that is not trusted stay with the job.
    After a failure they remain in the job's own repository for the next try. Does nothing for a
    source without a POM.
    """
    workspace = context.workspace
    own = reactor_folders(workspace.source)
    if not own:
        yield
        return
    lock, cancelled = workspace.maven_cache.with_suffix(".lock"), context.commands.check_cancelled
    with host_lock(lock, cancelled):
        fill(workspace.maven_cache, workspace.maven_repository, own, cancelled)
    yield
    if not context.is_trusted():
        return
    with host_lock(lock, cancelled):
        harvest(workspace.maven_repository, workspace.maven_cache, own, cancelled)

"""A builder for real builds with Maven, whose downloads outlive the test.

What Maven Central gives is kept in `.maven-tests` of this checkout: only the first run of the tests
needs the network.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import StepContext, StepResult
from pipelines.steps.maven.options import MavenOptions
from pipelines.steps.maven.step import MAVEN
from tests.conftest import HOME, git
from tests.support.pipelines.maven_source import commit_all
from tests.support.pipelines.step_context import Steps

DOWNLOADS = HOME / ".maven-tests"
_CACHE, _LISTENER = "maven-cache", "maven-tools/listener"


def make_builder(folder: Path) -> Steps:
    """A builder whose state is below `folder`."""
    steps = Steps(folder)
    steps.state_dir.mkdir(parents=True)
    link_downloads(steps.state_dir)
    return steps


def link_downloads(state_dir: Path) -> None:
    """Let the builder with that state have what was downloaded before, and add to it."""
    _link(state_dir, _CACHE)
    link_listener(state_dir)


def link_listener(state_dir: Path) -> None:
    """Let it have the classes that were compiled for Maven before, which takes seconds each time.

    Nothing is done for whom may not write here.
    """
    if os.access(HOME, os.W_OK):
        _link(state_dir, _LISTENER)


def _link(state_dir: Path, name: str) -> None:
    (DOWNLOADS / name).mkdir(parents=True, exist_ok=True)
    if (state_dir / name).exists():
        return
    (state_dir / name).parent.mkdir(parents=True, exist_ok=True)
    (state_dir / name).symlink_to(DOWNLOADS / name)


def build(context: StepContext, options: MavenOptions) -> StepResult:
    """Commit the source as it is, without what an earlier try has made in it, and build it."""
    commit_all(context.workspace.source)
    git("-C", str(context.workspace.source), "clean", "-ffdxq")
    return MAVEN.run(options, context)


def failure(context: StepContext, options: MavenOptions) -> StepFailed:
    """As `build`, for a build that fails."""
    with pytest.raises(StepFailed) as caught:
        build(context, options)
    return caught.value

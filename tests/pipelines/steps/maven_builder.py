"""A builder for real builds with Maven, whose downloads outlive the test.

What Maven Central gives is kept in `.maven-tests` of this checkout: only the first run of the tests
needs the network.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import StepFailed
from pipelines.model import StepContext, StepResult
from pipelines.steps.maven import MAVEN
from pipelines.steps.maven_options import MavenOptions
from tests.conftest import HOME
from tests.pipelines.steps.maven_source import commit_all
from tests.pipelines.steps.step_context import Steps

DOWNLOADS = HOME / ".maven-tests"


def make_builder(folder: Path) -> Steps:
    """A builder whose state is below `folder`."""
    steps = Steps(folder)
    steps.state_dir.mkdir(parents=True)
    link_downloads(steps.state_dir)
    return steps


def link_downloads(state_dir: Path) -> None:
    """Let the builder with that state have what was downloaded before, and add to it."""
    for name in ("maven-cache", "maven-tools/listener"):
        (DOWNLOADS / name).mkdir(parents=True, exist_ok=True)
        (state_dir / name).parent.mkdir(exist_ok=True)
        (state_dir / name).symlink_to(DOWNLOADS / name)


def build(context: StepContext, options: MavenOptions) -> StepResult:
    """Commit the source as it is, and build it."""
    commit_all(context.workspace.source)
    return MAVEN.run(options, context)


def failure(context: StepContext, options: MavenOptions) -> StepFailed:
    """As `build`, for a build that fails."""
    with pytest.raises(StepFailed) as caught:
        build(context, options)
    return caught.value

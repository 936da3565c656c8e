"""Fixtures of the coordination tests: one remote, in memory and in Git."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coordination_tasks.repository.git.repository import GitRepository
from tests.support.coordination.loopback import git_daemon
from tests.support.coordination.world import (
    World,
    bare_repository,
    closing,
    git_world,
    memory_world,
)


@pytest.fixture(params=["memory", "git"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Each test of a store or repository runs on both implementations."""
    if request.param == "memory":
        made = memory_world()
    else:
        made = git_world(tmp_path, str(bare_repository(tmp_path / "remote.git")))
    with closing(made):
        yield made


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """An empty bare repository."""
    return bare_repository(tmp_path / "remote.git")


@pytest.fixture
def remote_world(tmp_path: Path, remote: Path) -> Iterator[World]:
    """A world on the repository `remote`."""
    with closing(git_world(tmp_path, str(remote))) as made:
        yield made


@pytest.fixture
def daemon_url(remote: Path) -> Iterator[str]:
    """The address of `remote` through a git daemon that takes pushes."""
    with git_daemon(remote.parent) as address:
        yield f"{address}/{remote.name}"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "the cache"


@pytest.fixture
def repository(remote: Path, cache: Path) -> Iterator[GitRepository]:
    with GitRepository(str(remote), cache, author="build1", timeout=30.0) as opened:
        yield opened

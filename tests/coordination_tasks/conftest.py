"""Fixtures of the coordination tests: one remote, in memory and in Git."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.coordination_tasks.coordination_world import (
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
def farm(tmp_path: Path, remote: Path) -> Iterator[World]:
    """A world on the repository `remote`."""
    with closing(git_world(tmp_path, str(remote))) as made:
        yield made


@pytest.fixture
def daemon_url(remote: Path) -> Iterator[str]:
    """The address of `remote` through a git daemon that takes pushes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"--base-path={remote.parent}"
    process = subprocess.Popen(
        [
            "git",
            "daemon",
            "--export-all",
            "--enable=receive-pack",
            "--listen=127.0.0.1",
            f"--port={port}",
            base,
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_port(port)
        yield f"git://127.0.0.1:{port}/{remote.name}"
    finally:
        process.terminate()
        process.wait()


def _await_port(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end, "git daemon does not listen"
            time.sleep(0.02)
        else:
            return

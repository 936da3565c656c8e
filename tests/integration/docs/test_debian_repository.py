"""examples/debian-repository: a repository with two suites, used by apt in a throw-away root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.conftest import HOME, Farm

EXAMPLE = HOME / "examples" / "debian-repository"
MINUTES = 60


def walk(*words: str | Path, port: int = 0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [EXAMPLE / "walk", *words],
        check=False,
        env={**os.environ, "PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=30 * MINUTES,
    )


def test_its_files_can_be_used(farm: Farm) -> None:
    builder = (EXAMPLE / "builder.yaml").read_text()
    (farm.folder / "builder.yaml").write_text(builder)
    shutil.copy(EXAMPLE / "pipelines.yaml", farm.folder)
    done = farm.doit("validate")
    assert done.returncode == 0, done.stderr


def test_a_wrong_call_is_told(tmp_path: Path) -> None:
    done = walk()
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert done.stderr.startswith("usage: examples/debian-repository/walk FOLDER")


@pytest.mark.slow
@pytest.mark.host
@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("mmdebstrap"), reason="needs root and mmdebstrap"
)
def test_the_walk(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = walk(tmp_path / "walk", port=port)
    shown = done.stdout
    assert done.returncode == 0, shown + done.stderr
    installed = [
        line.split("\t")[1]
        for line in shown.splitlines()
        if line.startswith("sample-greeter-common\t")
    ]
    first, second, kept, last = installed
    assert first.startswith("1.0.0")
    assert second.startswith("1.0.1")
    assert (kept, last) == (second, first)
    assert f"stable: withdrew sample-greeter {second} (all)" in shown
    offered = [line for line in shown.splitlines() if " | http://127.0.0.1" in line]
    assert [second in line for line in offered] == [False]
    again = walk(tmp_path / "walk", port=port)
    assert (again.returncode, "exists. Remove it" in again.stderr) == (3, True)

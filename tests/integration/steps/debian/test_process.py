"""The step in a process of its own: killed in the middle, and as a user without rights."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipelines.processes.tree import marker, sweep
from pipelines.steps.debian.dependencies.host import this_host
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.workspace.layout import Workspace
from tests.support.pipelines.local_apt import make_local_apt
from tests.support.pipelines.tiny_package import (
    PATCHED,
    SCRIPT,
    STEP,
    build,
    command_line,
    git,
    make_source,
)

pytestmark = pytest.mark.host

ROOT = Path(__file__).parents[4]
NOBODY = 65534
CODENAME = this_host().codename


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach and write to; tmp_path is the test user's alone."""
    folder = Path(tempfile.mkdtemp(prefix="build-deb-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def await_path(path: Path, process: subprocess.Popen[str]) -> None:
    limit = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_killed_in_the_middle_and_built_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "state", "job_1", 1)
    sha = make_source(workspace, script=SCRIPT, installs="hello.txt new.txt", more=PATCHED)
    hold = tmp_path / "hold"
    hold.touch()
    for _ in range(2):
        _build_and_kill(workspace, hold)
        assert list((workspace.source / "debian").glob("changelog.*"))
        assert (workspace.source / "hello.txt").read_text() == "good morning\n"
    hold.unlink()

    result = build(workspace)

    version = f"1.0~~git20251030135139.{sha[:12]}~{CODENAME}"
    assert result.values["version"] == version
    names = [path.name for path in workspace.packages.iterdir()]
    assert len(names) == 3
    assert all(name.startswith(f"tiny_{version}_") for name in names)
    assert list(workspace.source.parent.iterdir()) == [workspace.source]
    assert git(workspace.source, "status", "--porcelain", "--ignored") == "!! opts.txt\n"
    package = next(workspace.packages.glob("*.deb"))
    subprocess.run(["dpkg-deb", "-x", str(package), str(tmp_path / "x")], check=True)
    installed = tmp_path / "x/usr/share/tiny"
    assert (installed / "hello.txt").read_text() == "good morning\n"
    assert (installed / "new.txt").read_text() == "new\n"


def _build_and_kill(workspace: Workspace, hold: Path) -> None:
    reached = Path(f"{hold}.reached")
    build_process = subprocess.Popen(
        command_line(workspace.state_dir, {}),
        cwd=ROOT,
        env={**os.environ, "HOLD": str(hold)},
        start_new_session=True,
        text=True,
        stdout=subprocess.PIPE,
    )
    try:
        await_path(reached, build_process)
        tree = psutil.Process(build_process.pid).children(recursive=True)
        assert any("dpkg-buildpackage" in " ".join(p.cmdline()) for p in tree)
    finally:
        os.killpg(build_process.pid, signal.SIGKILL)
        build_process.communicate()
        sweep(marker(workspace, STEP), grace=0.1)
    assert not sweep(marker(workspace, STEP), grace=0.1)
    reached.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests have no rights either")
def test_dummy_without_root(open_folder: Path) -> None:
    apt = make_local_apt(open_folder / "apt", {"small-thing": "1.2"})
    outcome = _as_nobody(open_folder, apt.env, {"allow_dummies": ["gone-thing"]})

    assert outcome["uid"] == NOBODY
    assert outcome["grade"] == "dummied"
    buildinfo = next((open_folder / "nobody/jobs/job_1/packages").glob("*.buildinfo"))
    assert "tiny-build-dummies (= 1.0)" in buildinfo.read_text()
    # An equal build by root has the same bytes.
    workspace = Workspace(open_folder / "root", "job_1", 1)
    make_source(workspace, build_depends="gone-thing (>= 2.7)")
    build(workspace, BuildDebOptions(allow_dummies=("gone-thing",)), env=apt.env)
    (ours,) = workspace.packages.glob("*.deb")
    assert ours.read_bytes() == (buildinfo.parent / ours.name).read_bytes()


def _as_nobody(folder: Path, env: dict[str, str], options: dict[str, Any]) -> dict[str, Any]:
    rights = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    own_env = {**os.environ, **env, "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    imports = [*rights, sys.executable, "-c", "import pipelines.steps.debian.step"]
    if subprocess.run(imports, check=False, cwd=ROOT, env=own_env).returncode != 0:
        pytest.skip("the user nobody can't read this checkout or its Python")
    done = subprocess.run(
        [*rights, *command_line(folder / "nobody", options)],
        check=False,
        cwd=ROOT,
        env=own_env,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome

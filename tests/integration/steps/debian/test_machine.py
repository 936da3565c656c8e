"""What the step changes on the machine: real apt, real dummies installed, jobs that meet."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.processes.tree import marker, sweep
from pipelines.steps.debian.dependencies.host import Host, this_host
from pipelines.steps.debian.dependencies.machine_lock import machine_lock
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.workspace.layout import Workspace
from tests.conftest import await_that
from tests.support.pipelines.local_apt import LocalApt, make_local_apt
from tests.support.pipelines.tiny_package import STEP, build, command_line, make_source

pytestmark = pytest.mark.host

ROOT = Path(__file__).parents[4]
DUMMY = "tiny-build-dummies"
INSTALLED = BuildDebOptions(allow_dummies=("gone-thing",), dummies="installed")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "state", "job_1", 1)


@pytest.fixture
def apt(tmp_path: Path) -> LocalApt:
    return make_local_apt(tmp_path / "apt", {"small-thing": "1.2"})


def host_of(apt: LocalApt) -> Host:
    return replace(
        this_host(), admindir=apt.admindir, lock=apt.folder / "packaging.lock", is_root=True
    )


class Progress(list[str]):
    """Calls `react` when the step says something that begins with `words`."""

    def __init__(self, words: str, react: Callable[[], None]) -> None:
        super().__init__()
        self._words, self._react = words, react

    def append(self, text: str) -> None:
        super().append(text)
        if text.startswith(self._words):
            self._react()


def start(folder: Path, apt: LocalApt, options: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command_line(folder, {"allow_dummies": ["gone-thing"], "dummies": options}),
        cwd=ROOT,
        env={
            **os.environ,
            **apt.env,
            "ADMINDIR": str(apt.admindir),
            "LOCK": str(host_of(apt).lock),
            **env,
        },
        start_new_session=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("build_ends", ["true", "exit 3"])
def test_an_installed_dummy_goes_with_its_build(
    workspace: Workspace, apt: LocalApt, build_ends: str
) -> None:
    look = f"grep -A1 'Package: {DUMMY}' {apt.admindir}/status > seen.txt"
    make_source(workspace, build_depends="gone-thing (>= 2)", build=f"{look}; {build_ends}")

    if build_ends == "true":
        result = build(workspace, INSTALLED, host=host_of(apt), env=apt.env)
        assert result.values["grade"] == "dummied"
        buildinfo = next(workspace.packages.glob("*.buildinfo")).read_text()
        assert f"{DUMMY} (= 1.0)" in buildinfo
    else:
        with pytest.raises(StepFailed, match="packaging failed"):
            build(workspace, INSTALLED, host=host_of(apt), env=apt.env)

    assert "install ok installed" in (workspace.source / "seen.txt").read_text()
    assert not apt.installed(DUMMY)
    assert "dpkg-buildpackage" in workspace.log(STEP).read_text()


def test_a_dummy_is_installed_by_root_only(workspace: Workspace, apt: LocalApt) -> None:
    make_source(workspace, build_depends="gone-thing")

    with pytest.raises(StepFailed, match="Set `dummies: overlay`") as caught:
        build(workspace, INSTALLED, host=replace(host_of(apt), is_root=False), env=apt.env)

    assert caught.value.code is FailureCode.BUILD_DEPENDS


def test_others_wait_while_a_dummy_is_installed_and_clean_up_after_a_kill(
    tmp_path: Path, workspace: Workspace, apt: LocalApt
) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    killed = Workspace(tmp_path / "killed", "job_1", 1)
    process = start(killed.state_dir, apt, "installed", HOLD=str(hold))
    make_source(workspace, build_depends="gone-thing")

    def kill() -> None:
        assert apt.installed(DUMMY)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        sweep(marker(killed, STEP), grace=0.1)

    try:
        await_that(Path(f"{hold}.reached").exists, "the first build is in its middle")
        progress = Progress("waiting for another packaging", kill)
        # With the dummy still there, what is gone would count as met.
        with pytest.raises(StepFailed, match="gone-thing"):
            build(workspace, host=host_of(apt), env=apt.env, progress=progress)
    finally:
        if process.poll() is None:
            kill()

    assert progress[-1] == f"removing {DUMMY} of a killed build"
    assert not apt.installed(DUMMY)


def test_a_leftover_that_the_builder_may_not_remove(workspace: Workspace, apt: LocalApt) -> None:
    with (apt.admindir / "status").open("a") as status:
        status.write(
            f"Package: {DUMMY}\nStatus: install ok installed\nVersion: 1.0\nArchitecture: all\n"
            "Maintainer: Build Coordination <root@localhost>\nDescription: x\n\n"
        )
    make_source(workspace)

    with pytest.raises(StepFailed, match=f"Run `sudo apt-get purge {DUMMY}`"):
        build(workspace, host=replace(host_of(apt), is_root=False), env=apt.env)


def test_two_jobs_at_once_install_one_after_the_other(tmp_path: Path, apt: LocalApt) -> None:
    processes = []
    for name in ("a", "b"):
        workspace = Workspace(tmp_path / name, "job_1", 1)
        make_source(workspace, build_depends="small-thing")
        processes.append(start(workspace.state_dir, apt, "overlay"))

    outcomes = [process.communicate(timeout=120) for process in processes]

    assert all('"grade": "clean"' in out for out, _ in outcomes), outcomes
    log = apt.install_log().splitlines()
    assert len([line for line in log if " install small-thing:all" in line]) == 1


def test_apt_has_the_machine_alone_and_builds_share_it(tmp_path: Path) -> None:
    lock, waited = tmp_path / "lock", threading.Event()
    order = []

    def install() -> None:
        with machine_lock(lock, alone=True, check_cancelled=lambda: None, on_wait=waited.set):
            order.append("install")

    thread = threading.Thread(target=install)
    with machine_lock(lock, alone=False, check_cancelled=lambda: None):
        with machine_lock(lock, alone=False, check_cancelled=lambda: None):
            thread.start()
            assert waited.wait(60)
        order.append("built")
    thread.join(60)

    assert order == ["built", "install"]


def test_the_lock_on_the_package_lists_is_waited_for(workspace: Workspace, tmp_path: Path) -> None:
    apt = make_local_apt(tmp_path / "apt", {"small-thing": "1.2"}, lists=False)
    make_source(workspace, build_depends="small-thing")
    with (apt.folder / "state/lists/lock").open("w") as lists:
        fcntl.lockf(lists, fcntl.LOCK_EX)
        progress = Progress("waiting for another apt", lambda: fcntl.lockf(lists, fcntl.LOCK_UN))

        result = build(workspace, host=host_of(apt), env=apt.env, progress=progress)

    assert "waiting for another apt on this machine" in progress
    assert result.values["grade"] == "clean"


def test_the_lock_of_dpkg_is_waited_for(workspace: Workspace, apt: LocalApt) -> None:
    make_source(workspace, build_depends="small-thing")
    log = workspace.log(STEP)

    def release() -> None:
        try:
            await_that(lambda: log.exists() and " satisfy small-thing" in log.read_text(), "apt")
            time.sleep(1)  # apt has found the lock taken by then; if not, the test proves less
        finally:
            fcntl.lockf(frontend, fcntl.LOCK_UN)

    with (apt.admindir / "lock-frontend").open("w") as frontend:
        fcntl.lockf(frontend, fcntl.LOCK_EX)
        thread = threading.Thread(target=release)
        thread.start()
        result = build(workspace, host=host_of(apt), env=apt.env)
        thread.join()

    assert result.values["grade"] == "clean"
    assert apt.installed("small-thing")


def test_no_question_about_a_changed_configuration_file(
    workspace: Workspace, apt: LocalApt
) -> None:
    apt.install("small-thing")
    configuration = apt.root / "etc/small-thing.conf"
    configuration.write_text("changed here\n")
    apt.add("small-thing", "2.0")
    make_source(workspace, build_depends="small-thing (>= 2)")

    result = build(workspace, host=host_of(apt), env=apt.env)

    assert result.values["rungs"][-1]["reason"] == "apt has small-thing 2.0"
    assert configuration.read_text() == "changed here\n"

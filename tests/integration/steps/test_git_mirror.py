"""The mirror that all jobs of a builder share: damaged, half made, used by two at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.domain.pipeline import StepContext, StepResult
from pipelines.processes.tree import builder_marker, sweep
from pipelines.steps.checkout import GIT_CHECKOUT, CheckoutOptions
from tests.conftest import await_that
from tests.support.pipelines.git_source import GitSource
from tests.support.pipelines.step_context import Request, Steps

ROOT = Path(__file__).parents[3]


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> GitSource:
    return GitSource(tmp_path / "origin")


def check_out(context: StepContext) -> StepResult:
    return GIT_CHECKOUT.run(CheckoutOptions(), context)


def only_mirror(steps: Steps) -> Path:
    (mirror,) = (steps.state_dir / "mirrors").glob("*.git")
    return mirror


def flip(mirror: Path) -> None:
    (pack,) = (mirror / "objects" / "pack").glob("*.pack")
    pack.chmod(0o600)
    with pack.open("r+b") as stream:
        stream.seek(-2000, os.SEEK_END)
        stream.write(b"XXXXXXXX")


def truncate(mirror: Path) -> None:
    (pack,) = (mirror / "objects" / "pack").glob("*.pack")
    pack.chmod(0o600)
    os.truncate(pack, 700)


def lose_pack(mirror: Path) -> None:
    for pack in (mirror / "objects" / "pack").glob("*.pack"):
        pack.unlink()


def lose_head(mirror: Path) -> None:
    (mirror / "HEAD").unlink()


def break_config(mirror: Path) -> None:
    (mirror / "config").write_text("garbage")


def lose_objects(mirror: Path) -> None:
    shutil.rmtree(mirror / "objects")


def empty(mirror: Path) -> None:
    shutil.rmtree(mirror)
    mirror.mkdir()


@pytest.mark.parametrize(
    "damage", [flip, truncate, lose_pack, lose_head, break_config, lose_objects, empty]
)
def test_a_damaged_mirror_is_made_again(
    steps: Steps, source: GitSource, damage: Callable[[Path], None]
) -> None:
    text = "".join(chr(33 + (i * i + i // 7) % 90) for i in range(6000))
    commit = source.commit({f"file{i}": f"{i}{text[i * 7 :]}" for i in range(120)})
    check_out(steps.context(source.path, request=Request(commit=commit)))
    damage(only_mirror(steps))
    context = steps.context(source.path, request=Request("job_2", commit=commit))

    check_out(context)

    assert (context.workspace.source / "file0").read_text() == f"0{text}"
    subprocess.run(["git", "fsck"], cwd=only_mirror(steps), check=True, capture_output=True)


def test_branches_and_tags_are_fetched_only_when_they_differ(
    steps: Steps, source: GitSource
) -> None:
    commit = source.commit({"a": "1"})
    context = steps.context(source.path, request=Request(commit=commit))
    check_out(context)
    fetched = only_mirror(steps) / "FETCH_HEAD"  # each fetch writes it
    fetched.unlink(missing_ok=True)

    def described() -> str:
        GIT_CHECKOUT.refresh(CheckoutOptions(), context)
        return GIT_CHECKOUT.identity(CheckoutOptions(), context)["described"]

    assert described() == "no tag"
    assert not fetched.exists()
    source.git("tag", "v1")
    assert described() == f"v1-0-g{commit[:7]}"
    assert fetched.exists()
    source.git("tag", "--delete", "v1")
    assert described() == "no tag"


def test_a_killed_clone_is_no_mirror(steps: Steps, source: GitSource, tmp_path: Path) -> None:
    """The clone hangs in the server program; our process is killed; then all is well again."""
    commit = source.commit({"a": "1"})
    hanging = tmp_path / "bin" / "git-upload-pack"
    hanging.parent.mkdir()
    hanging.write_text("#!/bin/sh\nexec sleep 1000\n")
    hanging.chmod(0o755)
    program = f"""
import sys
sys.path[:0] = {[str(ROOT), str(Path(__file__).parent)]!r}
from pathlib import Path
from tests.support.pipelines.step_context import Request, Steps
from pipelines.steps.checkout import GIT_CHECKOUT, CheckoutOptions
context = Steps(Path({str(tmp_path)!r})).context(
    {str(source.path)!r},
    request=Request(commit={commit!r}),
    env={{"PATH": "{hanging.parent}:" + {os.environ["PATH"]!r}}},
)
GIT_CHECKOUT.run(CheckoutOptions(), context)
"""
    process = subprocess.Popen([sys.executable, "-c", program])
    mirrors = steps.state_dir / "mirrors"
    await_that(lambda: list(mirrors.glob("*.tmp/HEAD")) != [], "the clone has begun")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(mirrors.glob("*.git")) == []

    context = steps.context(source.path, request=Request(commit=commit))
    check_out(context)

    assert (context.workspace.source / "a").read_text() == "1"
    assert list(mirrors.glob("*.tmp")) == []
    sweep(builder_marker(steps.state_dir))


def test_two_jobs_of_one_repository_at_once(source: GitSource, tmp_path: Path) -> None:
    commit = source.commit({"a": "1"})
    program = f"""
import sys
sys.path[:0] = {[str(ROOT), str(Path(__file__).parent)]!r}
from pathlib import Path
from tests.support.pipelines.step_context import Request, Steps
from pipelines.steps.checkout import GIT_CHECKOUT, CheckoutOptions
context = Steps(Path({str(tmp_path)!r})).context(
    {str(source.path)!r}, request=Request(sys.argv[1], commit={commit!r})
)
GIT_CHECKOUT.run(CheckoutOptions(), context)
"""
    both = [subprocess.Popen([sys.executable, "-c", program, job]) for job in ("job_1", "job_2")]
    assert [process.wait() for process in both] == [0, 0]
    assert len(list((tmp_path / "state" / "mirrors").glob("*.git"))) == 1

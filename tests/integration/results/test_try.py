"""`doit try` with changes that nobody has committed, without any repository of a farm."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import PATIENCE, Farm, await_that, git, is_gone, sleeping


@pytest.fixture
def alone(farm: Farm) -> Farm:
    """A machine that has never seen a coordination repository."""
    shutil.rmtree(farm.coordination)
    builder = farm.folder / "builder.yaml"
    lines = builder.read_text().splitlines(keepends=True)
    builder.write_text("".join(line for line in lines if "coordination_repository" not in line))
    shutil.rmtree(farm.folder / "source.git")
    (farm.source / "hello").write_text("changed\n")
    (farm.source / "new").write_text("new\n")
    (farm.source / ".gitignore").write_text("ignored\n")
    (farm.source / "ignored").write_text("x\n")
    return farm


def attempt(farm: Farm, *args: str) -> subprocess.CompletedProcess[str]:
    return farm.doit("try", "ledger", "--dir", str(farm.source), *args)


def made(farm: Farm) -> str:
    [path] = (farm.folder / "state" / "build1" / "try" / "jobs").glob("*/build/source/made.txt")
    return path.read_text()


def state_of(source: Path) -> tuple[str, ...]:
    objects = sorted(str(path) for path in (source / ".git").rglob("*") if "index" not in path.name)
    return (git("-C", str(source), "status", "--porcelain"), *objects)


def test_the_working_tree_is_built_and_left_as_it_is(alone: Farm) -> None:
    before = state_of(alone.source)
    alone.second("cat new hello >> $LEDGER; test ! -e ignored")
    done = attempt(alone)
    assert done.returncode == 0, done.stdout + done.stderr
    assert alone.ran() == ["first", "new", "changed", "third"]
    assert made(alone) == "changed\n"
    assert "1 artifact; not published" in done.stdout
    assert state_of(alone.source) == before
    assert not alone.coordination.exists()


def test_the_next_time_only_what_changed_runs(alone: Farm) -> None:
    alone.pipeline(
        """
        - {name: first, run: "echo first >> $LEDGER", inputs: [new]}
        - {name: second, run: "echo second >> $LEDGER", inputs: [hello]}
        """
    )
    assert attempt(alone).returncode == 0
    assert attempt(alone).returncode == 0
    assert alone.ran() == ["first", "second"]
    (alone.source / "hello").write_text("again\n")
    assert attempt(alone).returncode == 0
    assert alone.ran() == ["first", "second", "second"]


def test_named_steps_run_with_what_they_need(alone: Farm) -> None:
    done = attempt(alone, "first")
    assert done.returncode == 0, done.stdout + done.stderr
    assert alone.ran() == ["first"]
    unknown = attempt(alone, "secnd")
    assert unknown.returncode == 3
    assert "unknown step 'secnd' of pipeline ledger; did you mean 'second'?" in unknown.stderr


def test_a_failure_says_how_to_go_on_and_is_published_nowhere(alone: Farm) -> None:
    alone.second("echo the cause; exit 3")
    done = attempt(alone)
    assert done.returncode == 1
    assert "the cause" in done.stdout
    assert "run the same command again" in done.stdout
    assert "doit build --job" not in done.stdout
    alone.second("echo second >> $LEDGER")
    assert attempt(alone).returncode == 0
    assert alone.ran() == ["first", "second", "third"]


def test_a_folder_without_git_and_one_without_a_commit(alone: Farm) -> None:
    shutil.rmtree(alone.source / ".git")
    assert attempt(alone).returncode == 0
    assert made(alone) == "changed\n"
    git("init", "--quiet", str(alone.source))
    assert attempt(alone).returncode == 0


def test_a_second_try_leaves_a_running_one_alone_and_an_interrupted_one_leaves_no_process(
    alone: Farm,
) -> None:
    alone.second("exec -a $LEDGER.left sleep 3600")
    process = alone.start("try", "ledger", "--dir", str(alone.source))
    await_that(lambda: bool(sleeping(alone.folder)) or process.poll() is not None, "the step runs")
    [left] = sleeping(alone.folder)
    (alone.source / "hello").write_text("changed again\n")
    trees = alone.folder / "state" / "build1" / "try" / "trees"
    [branch] = trees.glob("*.git/refs/heads/*")
    before = branch.read_text()
    second = attempt(alone)
    assert (second.returncode, branch.read_text()) == (4, before), second.stderr
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGINT, out + err
    assert "queued again" not in out
    assert is_gone(left)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "expected the name of a pipeline"),
        (("ledgr",), "did you mean 'ledger'?"),
        (("ledger", "--dir", "/nowhere"), "--dir expects a folder"),
        (("ledger", "--param", "x"), "--param expects NAME=VALUE"),
        (("ledger", "--param", "x=1"), "x"),
    ],
)
def test_usage(alone: Farm, args: tuple[str, ...], words: str) -> None:
    done = alone.doit("try", *args)
    assert done.returncode == 3, done.stdout
    assert words in done.stderr
    assert "Traceback" not in done.stderr

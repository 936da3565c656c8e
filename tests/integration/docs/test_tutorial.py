"""The tutorial as a newcomer types it, on a machine where git does not know who that is."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.conftest import HOME, Farm

TUTORIAL = (HOME / "docs" / "tutorial.md").read_text()


def block(kind: str, after: str) -> str:
    """The first block of a kind below a heading."""
    found = re.search(rf"^```{kind}\n(.*?)^```$", TUTORIAL[TUTORIAL.index(after) :], re.M | re.S)
    assert found
    return found[1]


def test_a_newcomer_builds_fails_and_is_told_what_comes_next(farm: Farm, tmp_path: Path) -> None:
    hello = tmp_path / "hello"
    nobody = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1"}
    made = block("bash", "## 1.").replace("/tmp/hello", str(hello))
    subprocess.run(["bash", "-euc", made], check=True, cwd=tmp_path, env=nobody)
    pipelines = farm.folder / "pipelines.yaml"
    pipelines.write_text(block("yaml pipelines", "## 2.").replace("/tmp/hello", str(hello)))
    queue = ("enqueue", "--pipeline", "hello", "--branch", "main", "--param")
    assert farm.doit(*queue, "target=check").returncode == 0
    built = farm.doit("build")
    assert built.returncode == 0, built.stdout + built.stderr

    assert farm.doit(*queue, "target=nothing").returncode == 0
    failed = farm.doit("build")
    assert failed.returncode == 1
    following = "doit enqueue --pipeline hello --branch main --param target=nothing"
    assert failed.stdout.splitlines()[-1].strip() == following
    assert "--replan` instead" in failed.stdout.splitlines()[-2]

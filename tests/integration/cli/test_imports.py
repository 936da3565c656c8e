"""What a command imports: this, and no clock, guards what benchmarks/commands.py measures."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest

from tests.conftest import HOME, PATIENCE, Farm

READ = ("jobs", "status")
"""Commands that read the coordination repository once, and print a table."""
LOOK = (*READ, "outbox", "messages", "locks")
"""Commands that build nothing, and read no pipelines."""
BUILDING = (
    "coordination_tasks.build.attempt.claim",
    "coordination_tasks.build.run",
    "coordination_tasks.fsck",
    "common.cli.doit_commands",
    "pipelines.execution",
    "pipelines.language",
    "pipelines.steps.debian",
)
"""Where modules begin that only those need who build, check the farm, or read pipelines.yaml."""


def imported(farm: Farm, line: str) -> set[str]:
    """Modules that `doit LINE` imports, before and while it runs."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "doit", *line.split()], check=False, cwd=HOME,
        env=farm.environment, timeout=PATIENCE, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = {m[1] for m in re.finditer(r"^import time: .*\| +([\w.]+)$", done.stderr, re.M)}
    assert "common.cli.command" in found
    return found


def libraries(modules: set[str]) -> set[str]:
    """Third-party packages of them."""
    others = packages_distributions().keys() - {"common", "coordination_tasks", "pipelines"}
    return {top for top in {m.partition(".")[0] for m in modules} if top in others} - {
        "_distutils_hack"  # setuptools puts it into every Python
    }


@pytest.mark.parametrize("command", LOOK)
def test_a_command_that_looks_imports_nothing_that_builds(farm: Farm, command: str) -> None:
    farm.enqueue()
    modules = imported(farm, command)
    assert not {m for m in modules if m.startswith(BUILDING)}
    assert libraries(modules) <= {"doit", "rich", "yaml", "psutil"}


@pytest.mark.parametrize("command", READ)
def test_a_command_that_reads_imports_nothing_that_writes(farm: Farm, command: str) -> None:
    farm.enqueue()
    modules = imported(farm, command)
    assert not {m for m in modules if m.startswith("coordination_tasks.store.operations")}
    assert libraries(modules) == {"doit", "yaml"}


def test_a_job_with_nothing_to_do_imports_no_packaging_and_no_tables(farm: Farm) -> None:
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0
    modules = imported(farm, f"build --job {job}")
    assert not {m for m in modules if m.startswith(("pipelines.steps.debian.", "git.", "rich."))}


def test_the_rule_finds_what_it_looks_for(farm: Farm) -> None:
    modules = imported(farm, "validate")
    assert "pydantic" in libraries(modules)
    assert {m for m in modules if m.startswith("pipelines.language")}

"""Kinds of steps from packages that pip really installs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import HOME, Farm

PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "more-kinds"
version = "1.0"
[tool.setuptools]
py-modules = ["more_kinds"]
[project.entry-points."build_coordination.step_kinds"]
say = "more_kinds:SAY"
broken = "more_kinds:NOTHING"
odd = "more_kinds:ODD"
loose = "more_kinds:LOOSE"
"""

MODULE = """\
from pipelines.plugin_api import Options, StepResult

class SayOptions(Options):
    text: str

class Say:
    name = "say"
    summary = "say something"
    options = SayOptions
    values = ("said",)

    def identity(self, options, context):
        return {}

    def run(self, options, context):
        return StepResult(reason=options.text, values={"said": options.text})

class Loose(Say):
    name = "loose"
    options = dict

SAY = Say()
ODD = Say()
LOOSE = Loose()
"""

FILE = """\
pipelines:
  p:
    description: d
    source: {repository: r}
    steps:
      - {uses: say, with: {%s}}
      - {run: "echo ${{ steps.say.outputs.said }}"}
"""
RECIPE = re.compile(
    r"^## Add your own step kind\n.*?```toml\n(.*?)```.*?```python\n(.*?)```", re.M | re.S
)


def install(package: dict[str, str], folder: Path) -> Path:
    """The files of a package, put by the real pip into a folder for PYTHONPATH."""
    source, target = folder / "package", folder / "installed"
    source.mkdir()
    for name, text in package.items():
        (source / name).write_text(text)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True)
    return target


def test_mistakes_in_a_package_and_in_the_use_of_its_kind_are_reported(tmp_path: Path) -> None:
    target = install({"pyproject.toml": PROJECT, "more_kinds.py": MODULE}, tmp_path)
    done = validate(tmp_path, target, FILE % "text: hello")
    assert done.returncode == 0, done.stderr
    unusable = (f"      - uses: {name}\n" for name in ("broken", "odd", "loose", "sai"))
    done = validate(tmp_path, target, FILE % "txt: hello" + "".join(unusable))
    assert done.returncode == 3
    for expected in (
        "6:28: unknown key 'txt'; did you mean 'text'?",
        "8:15: cannot load step kind 'broken' of package more-kinds: AttributeError",
        "9:15: invalid step kind 'odd' of package more-kinds: its name is 'say'",
        "10:15: invalid step kind 'loose' of package more-kinds: its options are not a"
        " subclass of pipelines.plugin_api.Options",
        "11:15: unknown step kind 'sai'; did you mean 'say'?",
    ):
        assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_the_documented_package_runs_in_a_build(
    farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = RECIPE.search((HOME / "docs/how-to.md").read_text())
    assert recipe
    project, module = recipe.groups()
    assert set(re.findall(r"^(?:from|import) (\S+)", module, re.M)) == {"pipelines.plugin_api"}
    target = install({"pyproject.toml": project, "forbid_text.py": module}, tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(target))
    farm.pipeline("- {uses: forbid-text, with: {text: FIXME}}\n")

    good = farm.enqueue("--commit", farm.commit)
    assert farm.doit("build", "--job", good).returncode == 0
    [_, end] = [t for t in farm.transitions(good) if t["step"] == "forbid-text"]
    assert (end["to"], end["reason"]) == ("succeeded", "no file contains 'FIXME'")

    (farm.source / "hello").write_text("FIXME\n")
    bad = farm.enqueue("--commit", farm.commit_source("unfinished"))
    subprocess.run(
        ["git", "-C", str(farm.source), "push", "--quiet", "../source.git", "main"], check=True
    )
    assert farm.doit("build", "--job", bad).returncode == 1
    end = [t for t in farm.transitions(bad) if t["step"] == "forbid-text"][-1]
    assert (end["to"], end["reason"]) == ("failed", "found 'FIXME' in hello")
    assert end["details"]["code"] == "COMMAND_FAILED"
    assert end["details"]["excerpt"] == "hello"


def validate(folder: Path, packages: Path, text: str) -> subprocess.CompletedProcess[str]:
    path = folder / "p.yaml"
    path.write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "doit", "validate", str(path)],
        check=False, cwd=HOME, env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True, text=True,
    )  # fmt: skip

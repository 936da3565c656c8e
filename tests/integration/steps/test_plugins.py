"""Kinds of steps from packages that pip really installs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import HOME

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
"""

MODULE = """\
from pipelines.domain.pipeline import Options, StepResult

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

SAY = Say()
ODD = Say()
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


def test_a_package_brings_a_kind_of_step(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "pyproject.toml").write_text(PROJECT)
    (package / "more_kinds.py").write_text(MODULE)
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(target), str(package)], check=True)

    done = validate(tmp_path, target, FILE % "text: hello")
    assert done.returncode == 0, done.stderr
    mistakes = (
        FILE % "txt: hello" + "      - {uses: broken}\n      - {uses: odd}\n      - uses: sai\n"
    )
    done = validate(tmp_path, target, mistakes)
    assert done.returncode == 3
    for expected in (
        "6:28: unknown key 'txt'; did you mean 'text'?",
        "8:16: the kind 'broken' of the package more-kinds can't be loaded: AttributeError",
        "9:16: the kind 'odd' of the package more-kinds is no kind: its name is 'say'",
        "10:15: there is no kind of step 'sai'; did you mean 'say'?",
    ):
        assert expected in done.stderr
    assert "Traceback" not in done.stderr


def validate(folder: Path, packages: Path, text: str) -> subprocess.CompletedProcess[str]:
    path = folder / "p.yaml"
    path.write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "doit", "validate", str(path)],
        check=False, cwd=HOME, env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True, text=True,
    )  # fmt: skip

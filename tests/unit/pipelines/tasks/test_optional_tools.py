"""What only some pipelines need: a note, or a mistake when one of them is here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.language.load import read_pipelines
from pipelines.steps.registry import step_kinds
from pipelines.tasks import optional_tools
from pipelines.tasks.optional_tools import Extra, check_extras

FILE = """
pipelines:
  one:
    description: x
    source: {{repository: ./x.git, lfs: {lfs}}}
    params: {{way: {{default: host}}}}
    steps:
      - uses: git-checkout
      - {{uses: build-deb, with: {{{options}}}}}
"""


def found(
    path: Path, options: str = "", *, lfs: str = "false", search: str = ""
) -> dict[str, Extra]:
    path.write_text(FILE.format(options=options, lfs=lfs))
    pipelines = read_pipelines(path, step_kinds(lambda *_: "", dict))
    return {extra[0]: extra for extra in check_extras({"PATH": search}, pipelines)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pipelines.yaml"


def test_what_no_pipeline_needs_is_a_note(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lacks = ("mmdebstrap is not installed", "apt-get install mmdebstrap uidmap")
    monkeypatch.setattr(optional_tools, "shortcoming", lambda _env: lacks)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    extras = found(path)
    assert [*extras] == ["lintian", "clean root", "git-lfs", "root"]
    for _, said, remedy, needed in extras.values():
        assert (bool(remedy), needed) == (True, False), said
    assert "`install_test: root` is simulated" in extras["clean root"][1]


@pytest.mark.parametrize(
    ("options", "lfs", "name", "without"),
    [
        ("isolation: chroot", "false", "clean root", "impossible: no packages for one"),
        ("", "true", "git-lfs", "no source for one"),
        ("dummies: installed", "false", "root", "impossible: no packages for one"),
        ("tools: [jq, wget]", "false", "wget", "listed in `tools`: no packages for one"),
        ("tools: jq, version: '${{ params.way }}'", "false", "jq", "no packages for one"),
    ],
)
def test_what_a_pipeline_needs(
    path: Path, options: str, lfs: str, name: str, without: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks = ("mmdebstrap is not installed", "apt-get install mmdebstrap uidmap")
    monkeypatch.setattr(optional_tools, "shortcoming", lambda _env: lacks)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    _, said, remedy, needed = found(path, options, lfs=lfs)[name]
    assert needed
    assert remedy
    assert said.endswith(without)


def test_tools_of_a_clean_root_are_not_wanted_here(path: Path) -> None:
    assert "jq" not in found(path, "tools: jq, isolation: chroot")


def test_what_is_here(path: Path, tmp_path: Path) -> None:
    tool = tmp_path / "lintian"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    assert found(path, search=str(tmp_path))["lintian"] == ("lintian", str(tool), None, False)

"""The sample of this repository through the step: real Maven, with plugins from Maven Central."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pipelines.steps.debian.options import BuildDebOptions
from pipelines.workspace.layout import Workspace
from tests.support.pipelines.maven_builder import link_downloads
from tests.support.pipelines.tiny_package import build, git

pytestmark = [pytest.mark.host, pytest.mark.slow]
SAMPLE = Path(__file__).parents[4] / "examples" / "sample"


def test_the_sample_becomes_packages(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "state", "job_1", 1)
    shutil.copytree(SAMPLE, workspace.source, ignore=shutil.ignore_patterns("target"))
    git(workspace.source, "init", "--quiet", "-b", "main")
    git(workspace.source, "add", ".")
    git(workspace.source, "commit", "--quiet", "-m", "sample")

    link_downloads(workspace.state_dir)
    progress: list[str] = []
    options = BuildDebOptions(allow_dummies=("python-setuptools", "python", "python2"))
    result = build(workspace, options, progress=progress)

    names = [package["name"] for package in result.values["packages"]]
    assert sorted(names) == ["sample-greeter", "sample-greeter-common"]
    assert result.values["tests"]["run"] > 0
    assert "module 5 of 5: Sample Greeter - CLI" in progress
    repository, cache = workspace.maven_repository, workspace.maven_cache
    jars = [path.relative_to(repository) for path in repository.rglob("*.jar")]
    assert any((cache / jar).is_file() for jar in jars), "it is shared with other jobs"
    content = subprocess.check_output(
        ["dpkg-deb", "-c", str(next(workspace.packages.glob("sample-greeter_*.deb")))], text=True
    )
    assert "usr/bin/sample-greeter" in content

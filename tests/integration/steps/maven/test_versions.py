"""Failures and reruns with Maven's own distributions, beside the one of the system."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from common.file_lock import file_lock
from pipelines.domain.errors import FailureCode
from pipelines.domain.pipeline import StepContext, StepResult
from pipelines.steps.maven.options import MavenOptions
from tests.integration.steps.maven.test_rerun import GATE
from tests.support.pipelines.maven_builder import DOWNLOADS, build, failure, make_builder
from tests.support.pipelines.maven_source import write_reactor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not installed"),
]

DISTRIBUTIONS = DOWNLOADS / "distributions"


@pytest.fixture(scope="module", params=["3.9.16", "4.0.0-rc-7"])
def maven(request: pytest.FixtureRequest) -> Path:
    """The programs of a version, downloaded once."""
    version: str = request.param
    home = DISTRIBUTIONS / f"apache-maven-{version}"
    with file_lock(DOWNLOADS / "distributions.lock"):
        if not home.exists():
            artifact = f"org.apache.maven:apache-maven:{version}:tar.gz:bin"
            goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
            options = [f"-Dartifact={artifact}", f"-DoutputDirectory={DISTRIBUTIONS}"]
            subprocess.run(["mvn", "-q", "-B", goal, *options], check=True)
            with tarfile.open(DISTRIBUTIONS / f"apache-maven-{version}-bin.tar.gz") as archive:
                archive.extractall(DISTRIBUTIONS, filter="data")
    return home / "bin"


@pytest.fixture
def context(maven: Path, tmp_path: Path) -> StepContext:
    made = make_builder(tmp_path).context()
    return replace(made, env={**made.env, "PATH": f"{maven}:{os.environ['PATH']}"})


def built(result: StepResult) -> list[str]:
    return [module["name"] for module in result.values["modules"]]


def test_a_rerun_builds_what_failed(context: StepContext, tmp_path: Path) -> None:
    source = context.workspace.source
    write_reactor(source)
    test = source / "app/src/test/java/t/AppTest.java"
    test.parent.mkdir(parents=True)
    test.write_text(GATE.format(gate=tmp_path / "gate"))
    error = failure(context, MavenOptions())
    assert error.code is FailureCode.MAVEN_TEST
    assert error.details["module"] == "app"
    assert "AppTest" in error.excerpt
    assert "mvn [args]" not in error.excerpt

    (tmp_path / "gate").touch()
    assert built(build(context, MavenOptions())) == ["Tiny App"]
    again = build(context, MavenOptions())
    assert built(again) == ["Tiny Parent"], "Maven builds one module at least"

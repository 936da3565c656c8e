"""Failures, reruns and packagings with Maven's own distributions, beside the one of the system."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from common.file_lock import file_lock
from pipelines.domain.errors import FailureCode
from pipelines.domain.pipeline import Command, StepContext, StepResult
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.steps.debian.step import BuildDeb
from pipelines.steps.maven.options import MavenOptions
from pipelines.workspace.layout import Workspace
from tests.integration.steps.maven.test_rerun import GATE
from tests.support.pipelines.maven_builder import (
    DOWNLOADS,
    build,
    failure,
    link_downloads,
    make_builder,
)
from tests.support.pipelines.maven_source import write_reactor
from tests.support.pipelines.tiny_package import NO_CHECKS, make_source, step_context

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
def env(maven: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of steps that use it; the sandbox shows them this folder, not that one."""
    copied = tmp_path / "maven"
    shutil.copytree(maven.parent, copied, symlinks=True)
    return {"PATH": f"{copied / 'bin'}:{os.environ['PATH']}"}


@pytest.fixture
def context(maven: Path, env: Mapping[str, str], tmp_path: Path) -> StepContext:
    made = make_builder(tmp_path).context()
    context = replace(made, env={**made.env, **env})
    lines: list[str] = []
    show_version = Command(argv=("mvn", "-v"), cwd=tmp_path, env=context.env)
    assert context.commands.run(show_version, lines.append) == 0
    assert maven.parent.name.removeprefix("apache-maven-") in "".join(lines)
    return context


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


def test_a_packaging_that_runs_maven_twice(
    maven: Path, env: Mapping[str, str], tmp_path: Path
) -> None:
    first, second, scratch = (Workspace(tmp_path / "state", f"job_{n}", 1) for n in (1, 2, 3))
    first.state_dir.mkdir()
    link_downloads(first.state_dir)
    package(first, env)

    result = package(second, env, app="class App { int three() { return Core.one() + 2; } }\n")
    package(
        scratch,
        env,
        app="class App { int three() { return Core.one() + 2; } }\n",
        incremental="off",
    )

    version = maven.parent.name.removeprefix("apache-maven-")
    assert f"Apache Maven {version}" in second.log("build-deb").read_text()
    assert [kept["name"] for kept in result.values["left_out"]] == ["Tiny Parent", "Tiny Core"]
    assert built(result) == ["Tiny App"]
    assert jars(second) == jars(scratch)
    assert len(jars(second)) == 2


def package(
    workspace: Workspace, env: Mapping[str, str], *, app: str = "", incremental: str = "modules"
) -> StepResult:
    mvn = "mvn -V -B -ntp -T2 $(ACS_BUILD_OPTS)"
    write_reactor(workspace.source)
    make_source(
        workspace,
        build=f"{mvn} clean install -DskipTests && {mvn} package",
        installs="*/target/*.jar",
        more={"app/src/main/java/t/App.java": f"package t;\n{app}"} if app else {},
    )
    options = BuildDebOptions.model_validate({**NO_CHECKS, "incremental": incremental})
    return BuildDeb().run(options, step_context(workspace, env=env))


def jars(workspace: Workspace) -> dict[str, dict[str, bytes]]:
    """The content of the jars in the package."""
    (package,) = workspace.packages.glob("*.deb")
    unpacked = workspace.root / "unpacked"
    subprocess.run(["dpkg-deb", "-x", str(package), str(unpacked)], check=True)
    found = {}
    for path in unpacked.rglob("*.jar"):
        with zipfile.ZipFile(path) as jar:
            found[path.name] = {name: jar.read(name) for name in jar.namelist()}
    return found

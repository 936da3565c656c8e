"""The sources in `examples/`, each built by its pipeline there: real tools, `doit build`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipelines.language.load import read_pipelines
from pipelines.steps.registry import step_kinds
from tests.conftest import HOME, Farm
from tests.support.pipelines.maven_builder import link_downloads

EXAMPLES = HOME / "examples"
SOURCES = {
    "single-module": "single-module",
    "reactor": "sample",
    "c-package": "c-package",
    "python-wheel": "python-wheel",
    "two-releases": "single-module",
}
needs_maven = pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not installed")


def build(farm: Farm, name: str, *options: str) -> dict[str, Any]:
    """Build an example on a farm of its own; its artifact manifest."""
    folder = farm.folder / "examples"
    folder.mkdir()
    shutil.copy(EXAMPLES / "pipelines.yaml", folder)
    sources = farm.folder / ".quickstart" / "sources"
    sources.mkdir(parents=True)
    source = SOURCES[name]
    made = sources / f"{source}.git"
    subprocess.run([HOME / "scripts/make-source", EXAMPLES / source, made], check=True)
    config = farm.folder / "builder.yaml"
    config.write_text(config.read_text().replace("./pipelines.yaml", "examples/pipelines.yaml"))
    state = farm.folder / "state" / "build1"
    state.mkdir(parents=True)
    link_downloads(state)
    queued = farm.doit("enqueue", "--pipeline", name, "--branch", "main", "--id", "job")
    assert queued.returncode == 0, queued.stderr
    built = farm.start("build", *options)
    shown, errors = built.communicate()
    assert built.returncode == 0, shown + errors
    manifest: dict[str, Any] = json.loads(farm.read("build1/logs/job-1-manifest.json"))
    return manifest


def names(manifest: dict[str, Any]) -> list[str]:
    return sorted(artifact["name"] for artifact in manifest["artifacts"])


@needs_maven
@pytest.mark.slow
def test_a_project_of_one_module(farm: Farm) -> None:
    manifest = build(farm, "single-module")
    assert names(manifest) == ["words-1.0.0.jar"]
    assert manifest["provenance"]["steps"]["maven"]["tests"]["run"] == 2


@needs_maven
def test_a_reactor(farm: Farm) -> None:
    manifest = build(farm, "reactor")
    jars = ["greeting-api", "greeting-cli", "greeting-core", "greeting-report"]
    assert [name.partition("-1.0.0")[0] for name in names(manifest)] == jars
    assert manifest["provenance"]["steps"]["maven"]["tests"]["run"] == 9


@needs_maven
@pytest.mark.slow
def test_one_source_with_two_settings_at_once(farm: Farm) -> None:
    manifest = build(farm, "two-releases", "-n", "2")
    paths = sorted(artifact["path"] for artifact in manifest["artifacts"])
    assert [Path(path).parent.name for path in paths] == ["target-11", "target-17"]
    versions = {
        release: _class_version(farm.folder, release) for release in ("11", "17")
    }  # https://docs.oracle.com/javase/specs/jvms/se17/html/jvms-4.html#jvms-4.1-200-B.2
    assert versions == {"11": 55, "17": 61}
    assert set(farm.steps("job")) >= {"java-11", "java-17"}


def _class_version(folder: Path, release: str) -> int:
    (compiled,) = folder.glob(f"state/build1/jobs/job/build/source/target-{release}/**/Words.class")
    return int.from_bytes(compiled.read_bytes()[6:8])


@pytest.mark.skipif(os.environ.get("PIP_NO_INDEX") is not None, reason="pip may not fetch")
def test_a_python_wheel(farm: Farm) -> None:
    assert names(build(farm, "python-wheel")) == ["example_roman-1.0.0-py3-none-any.whl"]
    log = next(farm.folder.glob("state/build1/jobs/job/logs/*try-it.log")).read_text()
    assert "MMXXV" in log


def test_each_pipeline_has_its_test() -> None:
    known = read_pipelines(EXAMPLES / "pipelines.yaml", step_kinds(lambda *_: "", dict))
    assert set(known) == set(SOURCES)

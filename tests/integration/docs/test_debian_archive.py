"""Packages of Debian's own archive: imported and built as examples/debian-archive says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pipelines.steps.debian.clean_root import refusal
from tests.conftest import HOME, Farm, git

EXAMPLE = HOME / "examples" / "debian-archive"
REFUSAL = refusal(dict(os.environ))
HALF_AN_HOUR = 1800


def import_source(*arguments: str | Path, path: str | None = None) -> subprocess.Popen[str]:
    environment = {**os.environ, **({"PATH": path} if path else {})}
    return subprocess.Popen(
        ["/bin/bash", EXAMPLE / "import-source", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_its_pipelines_can_be_planned(farm: Farm) -> None:
    shutil.copy(EXAMPLE / "pipelines.yaml", farm.folder)

    done = farm.doit("validate")

    assert done.returncode == 0, done.stderr


def test_a_machine_without_apt_is_told(tmp_path: Path) -> None:
    for tool in ("mkdir", "bash"):
        (tmp_path / tool).symlink_to(Path("/bin") / tool)

    process = import_source("hello", tmp_path / "to", path=str(tmp_path))

    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (
        3,
        "import-source: apt-get is missing. Run scripts/setup.\n",
    )


@pytest.mark.slow
@pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))
def test_javapoet_becomes_a_package(farm: Farm) -> None:
    shutil.copy(EXAMPLE / "pipelines.yaml", farm.folder)
    process = import_source("javapoet", farm.folder / "repositories")
    _, said = process.communicate(timeout=HALF_AN_HOUR)
    assert process.returncode == 0, said
    commit = git("-C", str(farm.folder / "repositories/javapoet.git"), "rev-parse", "main")

    farm.doit("enqueue", "--pipeline", "javapoet", "--branch", "main", "--id", "javapoet")
    building = farm.start("build", "--job", "javapoet")
    out, err = building.communicate(timeout=HALF_AN_HOUR)

    assert building.returncode == 0, out + err
    path = next(path for path in farm.files() if path.endswith("manifest.json"))
    manifest = json.loads(farm.read(path))
    assert manifest["commit"] == commit
    made = manifest["provenance"]["steps"]["build-deb"]
    assert made["grade"] == "clean"
    assert [package["name"] for package in made["packages"]] == ["libjavapoet-java"]
    assert made["install_test"] == {"installs": True, "how": "in a temporary root"}
    assert made["lintian"].keys() >= {"errors", "warnings"}

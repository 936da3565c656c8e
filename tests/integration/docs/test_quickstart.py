"""The newcomer's way: a fresh copy of the checkout, `scripts/quickstart`, packages that work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import HOME, git
from tests.support.manifests import manifest_schema

MINUTES = 60
PACKAGES = ("sample-greeter", "sample-greeter-common")

pytestmark = [
    pytest.mark.host,
    pytest.mark.skipif(os.geteuid() != 0, reason="installs packages with apt-get"),
]


def run(*argv: str | Path, cwd: Path = HOME) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("BUILDER_", "COORD"))}
    return subprocess.run(
        argv,
        check=False,
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=15 * MINUTES,
    )


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh") / "clone"
    listed = git("-C", str(HOME), "ls-files", "--cached", "--others", "--exclude-standard")
    for name in listed.splitlines():
        if (HOME / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(HOME / name, target)
    return folder


@pytest.fixture(scope="module")
def first_run(clone: Path) -> subprocess.CompletedProcess[str]:
    done = run(clone / "scripts" / "quickstart", cwd=clone)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture
def packages(clone: Path, first_run: subprocess.CompletedProcess[str]) -> Iterator[list[Path]]:
    yield sorted((clone / ".quickstart/state/build1").glob("jobs/*/packages/*.deb"))
    run("apt-get", "purge", "-y", "-q", *PACKAGES)


def test_it_ends_by_showing_the_packages(
    first_run: subprocess.CompletedProcess[str],
) -> None:
    shown = first_run.stdout
    assert "[build-deb] succeeded" in shown
    assert "Package: sample-greeter" in shown
    # pip tells of each time that a network let it wait.
    lines = first_run.stderr.splitlines()
    assert [line for line in lines if not line.startswith("WARNING: Retrying")] == []


def test_the_packages_can_be_installed_and_the_program_runs(packages: list[Path]) -> None:
    assert len(packages) == len(PACKAGES)
    installed = run("apt-get", "install", "-y", "-q", *packages)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    greeting = run("sample-greeter", "World")
    assert greeting.returncode == 0, greeting.stderr
    assert "Hello, World!" in greeting.stdout


def test_a_second_run_builds_nothing(
    clone: Path, first_run: subprocess.CompletedProcess[str], packages: list[Path]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in packages}
    done = run(clone / "scripts" / "quickstart", cwd=clone)
    assert done.returncode == 0, done.stdout + done.stderr
    for step in ("git-checkout", "maven", "build-deb", "artifact-manifest"):
        assert f"[{step}] up_to_date" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in packages} == before


def test_a_clone_of_the_coordination_repository_tells_it_all(
    clone: Path, first_run: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    git("clone", "--quiet", str(clone / ".quickstart/coordination.git"), str(tmp_path / "c"))
    job = json.loads((tmp_path / "c/coordination/jobs.json").read_text())["jobs"][0]
    assert job["status"] == "completed"
    manifest_path = tmp_path / f"c/build1/logs/{job['id']}-1-manifest.json"
    manifest = json.loads(manifest_path.read_text())
    names = {artifact["name"] for artifact in manifest["artifacts"]}
    assert {name.split("_")[0] for name in names if name.endswith(".deb")} == set(PACKAGES)
    assert "python-setuptools" in json.dumps(manifest["provenance"])
    manifest_schema().validate(manifest)
    packages = [entry for entry in manifest["artifacts"] if entry["name"].endswith(".deb")]
    assert {entry["control"]["Version"] for entry in packages} == {
        packages[0]["control"]["Version"]
    }
    assert all(len(entry["listed_in"]) == 2 for entry in packages)
    status = json.loads((tmp_path / "c/build1/status.json").read_text())
    assert status["last_build"]["status"] == "success"

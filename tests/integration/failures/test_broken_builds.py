"""Builds that fail, each made for real with `doit build`, and what its farm tells of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Farm, git
from tests.support.failures.broken_builds import BrokenBuild, broken_builds, maven_repository
from tests.support.pipelines.maven_builder import link_downloads

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
_LONGEST = 900.0
"""Seconds: some download, or make a root to install in."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with maven_repository() as port:
        yield port


@pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not installed")
@pytest.mark.parametrize(
    "case", broken_builds(HERE / "maven.yaml"), ids=lambda case: f"maven-{case.name}"
)
def test_a_maven_build(farm: Farm, case: BrokenBuild, port: int) -> None:
    check(farm, case, "maven", port)


@pytest.mark.host
@pytest.mark.parametrize(
    "case", broken_builds(HERE / "debian.yaml"), ids=lambda case: f"debian-{case.name}"
)
def test_a_debian_package(farm: Farm, case: BrokenBuild, port: int) -> None:
    check(farm, case, "build-deb", port)


def check(farm: Farm, case: BrokenBuild, kind: str, port: int) -> None:
    step = {"uses": kind, "with": dict(case.options), **case.step}
    case.write(farm.source, port)
    (farm.source / ".gitignore").write_text("target/\n")
    farm.commit_source("a case")
    git("-C", str(farm.source), "push", "--quiet", str(farm.folder / "source.git"), "main")
    farm.pipeline(f"- {json.dumps(step)}\n")
    (farm.folder / "state" / "build1").mkdir(parents=True)
    link_downloads(farm.folder / "state" / "build1")
    job = farm.enqueue()

    process = farm.start("build")
    out, err = process.communicate(timeout=_LONGEST)

    assert process.returncode == (1 if case.code else 0), out + err
    if case.code:
        is_told(farm, job, case, kind)


def is_told(farm: Farm, job: str, case: BrokenBuild, kind: str) -> None:
    ended: dict[str, Any] = [t for t in farm.transitions(job) if t["step"] == kind][-1]
    details = ended["details"]
    assert (details["code"], details["retryable"]) == (case.code, case.retryable), ended
    for words in case.says:
        assert words in ended["reason"]
    for words in case.excerpt:
        assert words in details["excerpt"]
    explained = farm.doit("explain", job, "--json").stdout
    assert len(explained.encode()) <= 2000
    (failed,) = [step for step in json.loads(explained)["steps"] if step.get("code")]
    assert (failed["step"], failed["code"]) == (kind, case.code)

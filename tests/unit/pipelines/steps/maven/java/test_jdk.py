from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.maven.java.jdk import find_jdk


def make_jdk(home: Path, version: str) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "javac").touch()
    (home / "release").write_text(f'IMPLEMENTOR="X"\nJAVA_VERSION="{version}"\nOS_NAME="Linux"\n')
    return home


@pytest.fixture
def jvm(tmp_path: Path) -> Path:
    folder = tmp_path / "jvm"
    make_jdk(folder / "java-8", "1.8.0_402")
    make_jdk(folder / "java-17-old", "17.0.2")
    make_jdk(folder / "java-17-new", "17.0.15")
    make_jdk(folder / "java-25", "25")
    (folder / "default").symlink_to("java-25")
    (folder / "jre-11" / "bin").mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("17", "java-17-new"),
        ("17.0.2", "java-17-old"),
        ("8", "java-8"),
        ("1.8", "java-8"),
        ("25", "java-25"),
    ],
)
def test_by_version(jvm: Path, wanted: str, name: str) -> None:
    assert find_jdk(wanted, {}, (jvm,)) == jvm / name


def test_java_home_comes_first_when_it_fits(jvm: Path) -> None:
    env = {"JAVA_HOME": str(jvm / "java-17-old")}
    assert find_jdk("17", env, (jvm,)) == jvm / "java-17-old"
    assert find_jdk("8", env, (jvm,)) == jvm / "java-8"


def test_by_directory(jvm: Path) -> None:
    assert find_jdk(str(jvm / "java-8"), {}) == jvm / "java-8"
    with pytest.raises(StepFailed, match="invalid JDK"):
        find_jdk(str(jvm / "jre-11"), {})


def test_a_version_that_is_not_here(jvm: Path) -> None:
    with pytest.raises(
        StepFailed, match=r"unknown JDK 1\b.*found: 17.0.15, 17.0.2, 25, 8.0_402"
    ) as got:
        find_jdk("1", {}, (jvm,))
    assert got.value.code is FailureCode.TOOL_MISSING

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from pipelines.steps.debian.dependencies.host import (
    architecture_test,
    installed_versions,
    this_host,
)
from pipelines.steps.maven.java.versions import java_version, maven_version

POM_PROPERTIES = "META-INF/maven/org.apache.maven/maven-core/pom.properties"


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\nexit 1\n")
    path.chmod(0o755)
    return path


def test_java_of_java_home_before_that_of_path(tmp_path: Path) -> None:
    for name in ("one", "two"):
        program(tmp_path / name / "bin/java")
        (tmp_path / name / "release").write_text(f'JAVA_VERSION="17-{name}"\n')
    (tmp_path / "two/release").write_text('JAVA_VERSION="1"\nJAVA_RUNTIME_VERSION="21.0.1+12"\n')
    (tmp_path / "java").symlink_to(tmp_path / "one/bin/java")

    assert java_version({"PATH": str(tmp_path)}) == "17-one"
    assert java_version({"PATH": str(tmp_path), "JAVA_HOME": str(tmp_path / "two")}) == "21.0.1+12"
    assert java_version({"PATH": str(tmp_path / "empty")}) is None


def test_maven_says_it_in_its_jar(tmp_path: Path) -> None:
    program(tmp_path / "maven/bin/mvn")
    (tmp_path / "maven/lib").mkdir()
    with zipfile.ZipFile(tmp_path / "maven/lib/maven-core-3.x.jar", "w") as jar:
        jar.writestr(POM_PROPERTIES, "artifactId=maven-core\nversion=3.9.9\n")

    assert maven_version({"PATH": str(tmp_path / "maven/bin")}) == "3.9.9"
    assert maven_version({"PATH": str(tmp_path)}) is None


def test_dpkg_says_the_same() -> None:
    asked = subprocess.check_output(["dpkg-query", "-Wf", "${Version}", "dpkg-dev"], text=True)

    assert installed_versions(("dpkg-dev", "no-such-package")) == {"dpkg-dev": asked}


def test_removed_packages_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "status").write_text(
        "Package: a\nStatus: deinstall ok config-files\nVersion: 1\n\n"
        "Package: ab\nStatus: install ok installed\nVersion: 2\n\n"
        "Package: b\nStatus: hold ok installed\nVersion: 3\n\n"
    )

    assert installed_versions(("a", "ab", "b"), tmp_path) == {"ab": "2", "b": "3"}
    assert installed_versions(("a",), tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("restrictions", "concerned"),
    [
        (["amd64"], True),
        (["linux-any"], True),
        (["any"], True),
        (["!amd64"], False),
        (["!i386", "!armhf"], True),
        (["hurd-any"], False),
        (["any-amd64"], True),
    ],
)
def test_architectures(restrictions: list[str], concerned: bool) -> None:
    assert architecture_test("amd64")(restrictions) is concerned


def test_this_host_is_what_the_tools_say() -> None:
    host = this_host()
    architecture = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()

    assert host.concerned([architecture])
    assert host.codename == subprocess.check_output(["lsb_release", "-sc"], text=True).strip()
    assert host.is_root is (os.geteuid() == 0)

"""Java takes classes from an archive, and goes on without one that is spoiled; with real Java."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.steps.maven.java.class_archive import ClassArchive, class_archive
from pipelines.workspace.layout import Workspace

VERSIONS = {"java": "17.0.9+9", "maven": "3.9.9"}


def archive_of(folder: Path, given: str = "", **versions: str) -> ClassArchive | None:
    return class_archive(Workspace(folder, "job_1", 1), {**VERSIONS, **versions}, given, os.environ)


def some_archive(folder: Path, **versions: str) -> ClassArchive:
    archive = archive_of(folder, **versions)
    assert archive is not None
    return archive


def maven(archive: ClassArchive, *more: str) -> str:
    """What `mvn --version` says, standard error too."""
    options = " ".join((*archive.options(), *more))
    done = subprocess.run(
        ["mvn", "--version"],
        env={**os.environ, "MAVEN_OPTS": options}, check=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.stdout


@pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not installed")
def test_the_builder_makes_it_and_the_next_run_takes_it(tmp_path: Path) -> None:
    archive = some_archive(tmp_path)
    assert archive.options() == ()
    told = maven(archive)

    archive.keep()

    assert list(archive.file.parent.iterdir()) == [archive.file]
    from_archive = "org.apache.maven.cli.MavenCli source: shared objects file (top)"
    assert from_archive in maven(archive, "-Xlog:class+load")

    with archive.file.open("r+b") as stream:
        stream.seek(archive.file.stat().st_size // 2)
        stream.write(bytes(1 << 20))
    assert maven(archive) == told
    assert from_archive not in maven(archive, "-Xlog:class+load")


def test_a_maven_that_does_not_start_leaves_nothing(tmp_path: Path) -> None:
    archive = replace(some_archive(tmp_path), env={"PATH": str(tmp_path)})
    archive.keep()
    assert list(archive.file.parent.iterdir()) == []


@pytest.mark.parametrize("maven", ["3.9.9 (mvnw)", "mvnw", "unknown"])
def test_a_maven_that_the_source_brings_gets_none(tmp_path: Path, maven: str) -> None:
    assert archive_of(tmp_path, maven=maven) is None


def test_each_java_and_maven_has_its_own(tmp_path: Path) -> None:
    files = {
        some_archive(tmp_path).file,
        some_archive(tmp_path, java="21.0.1+12").file,
        some_archive(tmp_path, maven="3.8.7").file,
    }
    assert len(files) == 3


def test_one_of_a_java_that_is_long_gone_is_removed(tmp_path: Path) -> None:
    long_ago = time.time() - 91 * 86400
    old, used, new = (some_archive(tmp_path, java=f"17.0.{n}") for n in range(3))
    for archive in (old, used):
        archive.file.parent.mkdir(parents=True, exist_ok=True)
        archive.file.touch()
        os.utime(archive.file, (long_ago, long_ago))
    used.options()

    replace(new, env={"PATH": str(tmp_path)}).keep()

    assert [each.file.exists() for each in (old, used, new)] == [False, True, False]


@pytest.mark.parametrize("java", ["unknown", "1.8.0_392-b08", "11.0.21+9"])
def test_a_java_that_knows_none_gets_none(tmp_path: Path, java: str) -> None:
    assert archive_of(tmp_path, java=java) is None


@pytest.mark.parametrize(
    "given", ["-Xshare:off", "-Xmx1g -XX:SharedArchiveFile=a.jsa", "-XX:ArchiveClassesAtExit=a"]
)
def test_what_the_user_says_of_archives_stays(tmp_path: Path, given: str) -> None:
    assert archive_of(tmp_path, given) is None


def test_a_path_that_mavens_script_would_cut_is_not_used(tmp_path: Path) -> None:
    assert archive_of(tmp_path / "a b") is None

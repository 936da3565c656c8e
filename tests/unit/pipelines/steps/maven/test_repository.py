from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.domain.errors import StepCancelled
from pipelines.steps.maven.downloads import shared_downloads
from pipelines.steps.maven.repository import fill, harvest, reactor_folders
from tests.support.pipelines.step_context import Steps

JUNIT = "junit/junit/4.13.2"


def never() -> None:
    """Nobody cancels."""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def download(path: Path, text: str) -> Path:
    """A file with the checksum that Maven compared it with."""
    write(path.with_name(f"{path.name}.sha1"), hashlib.sha1(text.encode()).hexdigest())
    return write(path, text)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """As Maven leaves it: a download, an installed module, a snapshot, metadata, a miss."""
    root = tmp_path / "job" / "repository"
    download(root / JUNIT / "junit-4.13.2.jar", "jar")
    download(root / JUNIT / "junit-4.13.2.pom", "pom")
    write(
        root / JUNIT / "_remote.repositories",
        "#NOTE: internal\n#Mon Nov 24\njunit-4.13.2.jar>central=\njunit-4.13.2.pom>central=\n",
    )
    write(root / "org/example/core/1.0/core-1.0.jar", "own")
    write(root / "org/example/core/1.0/_remote.repositories", "core-1.0.jar>=\n")
    write(root / "org/example/core/maven-metadata-local.xml", "<own/>")
    write(root / "x/y/1-SNAPSHOT/y-1-SNAPSHOT.jar", "snapshot")
    write(root / "x/y/1-SNAPSHOT/_remote.repositories", "y-1-SNAPSHOT.jar>apache=\n")
    write(root / "x/z/1/z-1.jar.lastUpdated", "a miss")
    write(root / "x/z/1/_remote.repositories", "")
    download(root / "plugins/p/maven-metadata-central.xml", "<versions/>")
    write(root / "plugins/p/resolver-status.properties", "when")
    return root


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_only_downloads_are_harvested(repository: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    assert harvest(repository, cache, (), never) == 2

    assert files(cache) == {
        f"{JUNIT}/junit-4.13.2.jar",
        f"{JUNIT}/junit-4.13.2.jar.sha1",
        f"{JUNIT}/junit-4.13.2.pom",
        f"{JUNIT}/junit-4.13.2.pom.sha1",
        f"{JUNIT}/_remote.repositories",
        "plugins/p/maven-metadata-central.xml",
        "plugins/p/maven-metadata-central.xml.sha1",
        "plugins/p/resolver-status.properties",
    }
    assert harvest(repository, cache, (), never) == 0


@pytest.mark.parametrize("trusted", [True, False])
def test_downloads_of_a_job_that_is_not_trusted_stay_with_it(tmp_path: Path, trusted: bool) -> None:
    context = replace(Steps(tmp_path).context(), is_trusted=lambda: trusted)
    workspace = context.workspace
    project = "<project><groupId>g</groupId><artifactId>a</artifactId></project>"
    write(workspace.source / "pom.xml", project)
    jar = download(workspace.maven_cache / JUNIT / "junit-4.13.2.jar", "jar")
    write(jar.with_name("_remote.repositories"), "junit-4.13.2.jar>central=\n")
    new = workspace.maven_repository / "x/new/1"
    with shared_downloads(context):
        assert (workspace.maven_repository / JUNIT / jar.name).read_text() == "jar"
        download(new / "new-1.jar", "new")
        write(new / "_remote.repositories", "new-1.jar>central=\n")
    assert (workspace.maven_cache / "x/new/1/new-1.jar").exists() == trusted


def test_another_job_gets_copies(repository: Path, tmp_path: Path) -> None:
    """What a job writes into its repository reaches neither the cache nor other jobs."""
    cache, other = tmp_path / "cache", tmp_path / "other"
    harvest(repository, cache, (), never)
    assert fill(cache, other, (), never) == 5
    assert files(other) == files(cache)
    assert fill(cache, other, (), never) == 0
    for root in (repository, other):
        for path in root.rglob("*.*"):
            if path.is_file():
                with path.open("r+") as stream:
                    stream.write("poison")
    assert (cache / JUNIT / "junit-4.13.2.jar").read_text() == "jar"


def test_what_maven_did_not_verify_is_not_taken(repository: Path, tmp_path: Path) -> None:
    """An invented download, one changed in place, and links to files of the builder."""
    cache, secret = tmp_path / "cache", write(tmp_path / "secret", "token")
    version = repository / "a/b/1"
    write(version / "no-checksum.jar", "x")
    download(version / "changed.jar", "x").write_text("poison")
    download(version / "link.jar", "token").unlink()
    (version / "link.jar").symlink_to(secret)
    download(version / "weak.jar", "x").with_name("weak.jar.sha1").rename(version / "weak.jar.md5")
    os.mkfifo(download(version / "pipe.jar", "x").with_name("pipe.jar.sha512"))
    names = [path.name for path in version.iterdir() if path.suffix == ".jar"]
    write(version / "_remote.repositories", "".join(f"{name}>central=\n" for name in names))

    assert harvest(repository, cache, (), never) == 3

    assert files(cache / "a/b/1") == {"pipe.jar", "pipe.jar.sha1", "_remote.repositories"}
    assert (cache / "a/b/1/_remote.repositories").read_text() == "pipe.jar>central=\n"


def test_what_was_damaged_in_the_cache_is_not_given(repository: Path, tmp_path: Path) -> None:
    cache, other = tmp_path / "cache", tmp_path / "other"
    harvest(repository, cache, (), never)
    damaged = cache / JUNIT / "junit-4.13.2.jar"
    damaged.write_text("damaged")
    fill(cache, other, (), never)
    assert not (other / JUNIT / "junit-4.13.2.jar").exists()
    assert (other / JUNIT / "junit-4.13.2.pom").exists()
    assert harvest(repository, cache, (), never) == 1
    assert damaged.read_text() == "jar"


def test_a_link_in_a_repository_leads_nowhere(repository: Path, tmp_path: Path) -> None:
    cache, other, foreign = (tmp_path / name for name in ("cache", "other", "foreign"))
    harvest(repository, cache, (), never)
    foreign.mkdir()
    other.mkdir()
    (other / "junit").symlink_to(foreign)
    (other / "plugins/p").mkdir(parents=True)
    victim = write(tmp_path / "victim", "mine")
    (other / "plugins/p/maven-metadata-central.xml.sha1").symlink_to(victim)
    fill(cache, other, (), never)
    assert files(foreign) == set()
    assert victim.read_text() == "mine"


def test_modules_of_the_source_are_neither_given_nor_taken(
    repository: Path, tmp_path: Path
) -> None:
    cache, other = tmp_path / "cache", tmp_path / "other"
    assert harvest(repository, cache, {"junit/junit"}, never) == 0
    harvest(repository, cache, (), never)
    fill(cache, other, {"junit/junit"}, never)
    assert not (other / "junit").exists()


def test_a_version_that_two_jobs_downloaded_parts_of(repository: Path, tmp_path: Path) -> None:
    cache, second = tmp_path / "cache", tmp_path / "second"
    harvest(repository, cache, (), never)
    download(second / JUNIT / "junit-4.13.2-sources.jar", "sources")
    write(second / JUNIT / "_remote.repositories", "junit-4.13.2-sources.jar>mirror=\n")

    assert harvest(second, cache, (), never) == 1

    assert (cache / JUNIT / "_remote.repositories").read_text().splitlines() == [
        "junit-4.13.2-sources.jar>mirror=",
        "junit-4.13.2.jar>central=",
        "junit-4.13.2.pom>central=",
    ]


def test_what_a_kill_left_behind_is_not_given(repository: Path, tmp_path: Path) -> None:
    cache, other = tmp_path / "cache", tmp_path / "other"
    harvest(repository, cache, (), never)
    write(cache / JUNIT / "._remote.repositories.123.tmp", "torn")
    fill(cache, other, (), never)
    assert not list(other.rglob("*.tmp"))


def test_no_cache_yet(tmp_path: Path) -> None:
    assert fill(tmp_path / "cache", tmp_path / "repository", (), never) == 0


def test_both_can_be_cancelled(repository: Path, tmp_path: Path) -> None:
    def cancelled() -> None:
        raise StepCancelled("told to end")

    with pytest.raises(StepCancelled):
        harvest(repository, tmp_path / "cache", (), cancelled)
    with pytest.raises(StepCancelled):
        fill(repository, tmp_path / "other", (), cancelled)


def test_modules_of_a_source_tree(tmp_path: Path) -> None:
    namespace = 'xmlns="http://maven.apache.org/POM/4.0.0"'
    write(
        tmp_path / "pom.xml",
        f"<project {namespace}><groupId>org.example</groupId><artifactId>top</artifactId>"
        "</project>",
    )
    write(
        tmp_path / "core/pom.xml",
        f"<project {namespace}><parent><groupId>org.example</groupId><artifactId>top</artifactId>"
        "</parent><artifactId> core </artifactId></project>",
    )
    write(tmp_path / "bare/pom.xml", "<project><artifactId>x</artifactId></project>")
    write(tmp_path / "broken/pom.xml", "<project>")
    write(tmp_path / "core/target/pom.xml", "<project><groupId>a</groupId></project>")
    assert reactor_folders(tmp_path) == {"org/example/top", "org/example/core"}

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.domain.errors import StepCancelled
from pipelines.steps.maven.repository import fill, harvest, reactor_folders

JUNIT = "junit/junit/4.13.2"


def never() -> None:
    """Nobody cancels."""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """As Maven leaves it: a download, an installed module, a snapshot, metadata, a miss."""
    root = tmp_path / "job" / "repository"
    write(root / JUNIT / "junit-4.13.2.jar", "jar")
    write(root / JUNIT / "junit-4.13.2.jar.sha1", "digest")
    write(root / JUNIT / "junit-4.13.2.pom", "pom")
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
    write(root / "plugins/p/maven-metadata-central.xml", "<versions/>")
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
        f"{JUNIT}/_remote.repositories",
        "plugins/p/maven-metadata-central.xml",
        "plugins/p/resolver-status.properties",
    }
    assert (cache / JUNIT / "junit-4.13.2.jar").samefile(repository / JUNIT / "junit-4.13.2.jar")
    assert harvest(repository, cache, (), never) == 0


def test_another_job_gets_links_but_copies_of_what_maven_writes_into(
    repository: Path, tmp_path: Path
) -> None:
    cache, other = tmp_path / "cache", tmp_path / "other"
    harvest(repository, cache, (), never)

    assert fill(cache, other, (), never) == 6

    assert files(other) == files(cache)
    assert (other / JUNIT / "junit-4.13.2.jar").samefile(cache / JUNIT / "junit-4.13.2.jar")
    for name in (f"{JUNIT}/_remote.repositories", "plugins/p/resolver-status.properties"):
        assert not (other / name).samefile(cache / name)
    assert fill(cache, other, (), never) == 0


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
    write(second / JUNIT / "junit-4.13.2-sources.jar", "sources")
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

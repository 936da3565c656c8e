"""`scripts/shrink-repository`: clones of before go on, whoever made them, and nothing is lost."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from coordination_tasks.documents.paths import JOBS
from tests.conftest import HOME, Farm, git


def shrink(repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HOME / "scripts" / "shrink-repository", repository, *words],
        capture_output=True,
        text=True,
        check=False,
    )


def count(repository: Path, revision: str = "main") -> int:
    return int(git("-C", str(repository), "rev-list", "--count", revision))


def old_history(farm: Farm) -> None:
    """A hundred commits of some years ago, each with a file that changes wholly, and a tag."""
    work = farm.folder / "years"
    git("clone", "--quiet", str(farm.coordination), str(work))
    git("-C", str(work), "switch", "--quiet", "--create", "main")
    lines = []
    for number in range(100):
        lines.append(
            f"commit refs/heads/main\ncommitter A <a@b> {1577836800 + number} +0000\ndata 1\nx\n"
            f"M 644 inline shared/notes.txt\ndata 8\n{number:08}\n"
        )
    script = "".join(lines)
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=farm.coordination, input=script, text=True,
        check=True,
    )  # fmt: skip
    git("-C", str(farm.coordination), "tag", "-m", "good", "build-success-main-1", "main~50")
    git("-C", str(farm.coordination), "tag", "light", "main~60")


@pytest.fixture
def aged(farm: Farm) -> Farm:
    old_history(farm)
    for _ in range(2):
        farm.enqueue()
        assert farm.doit("build").returncode == 0
    return farm


def test_clones_of_before_go_on(aged: Farm, tmp_path: Path) -> None:
    remote = aged.coordination
    assert aged.doit("status", "--at", "2021-01-01T00:00:00Z").returncode == 0
    old_program = tmp_path / "old-program"
    git("clone", "--quiet", str(remote), str(old_program))
    tip, total = git("-C", str(remote), "rev-parse", "main"), count(remote)

    git("-C", str(remote), "gc", "--quiet")
    done = shrink(remote)
    assert done.returncode == 0, done.stderr
    assert git("-C", str(remote), "rev-parse", "main") == tip, "no commit has a new id"
    assert count(remote) < 30 < total
    assert count(remote, "build-success-main-1") == 1
    assert git("-C", str(remote), "show", "light:shared/notes.txt") == "00000039"

    assert aged.doit("fsck").returncode == 0
    job = aged.enqueue()
    assert aged.doit("build").returncode == 0
    assert aged.job(job)["status"] == "completed"
    assert aged.doit("build", builder="build2").returncode == 4, "a new builder joins"
    assert aged.doit("status", "--at", "2021-01-01T00:00:00Z").returncode == 0

    git("-C", str(old_program), "pull", "--quiet", "--no-rebase")
    assert len(json.loads((old_program / JOBS).read_text())["jobs"]) == 3
    (old_program / "shared" / "notes.txt").write_text("mine")
    git("-C", str(old_program), "commit", "--quiet", "--all", "-m", "an old program")
    git("-C", str(old_program), "push", "--quiet")
    assert aged.read("shared/notes.txt") == "mine"
    assert count(old_program) > total, "it has the whole history still"
    fresh = tmp_path / "fresh"
    git("clone", "--quiet", f"file://{remote}", str(fresh))
    assert (fresh / JOBS).is_file()

    again = shrink(remote, "1")
    assert again.returncode == 0, again.stderr
    assert aged.doit("fsck").returncode == 0


def test_a_repository_at_rest_keeps_its_newest_commit(farm: Farm) -> None:
    old_history(farm)
    done = shrink(farm.coordination)
    assert (done.returncode, count(farm.coordination)) == (0, 1), done.stderr
    farm.enqueue()
    assert farm.doit("build").returncode == 0


def test_bad_usage_changes_nothing(farm: Farm, tmp_path: Path) -> None:
    for words, message in (
        ((farm.coordination, "0"), "DAYS expects a number"),
        ((tmp_path / "missing",), "is not a bare repository"),
        ((farm.source,), "is not a bare repository"),
        ((farm.coordination,), "has no branch main"),
        ((farm.coordination, "1", "2"), "expected REPOSITORY.git [DAYS]"),
    ):
        done = shrink(*words)
        assert (done.returncode, message in done.stderr) == (3, True), done.stderr
    assert not (farm.coordination / "shallow").exists()

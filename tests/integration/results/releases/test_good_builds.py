"""A success with artifacts is found again by its branch, by us and by plain git."""

from __future__ import annotations

import json
import time

from tests.conftest import Farm, await_that, git


def await_the_next_second() -> None:
    now = int(time.time())
    await_that(lambda: int(time.time()) > now, "the next second begins")


def test_the_tag_is_on_the_commit_that_recorded_the_success(farm: Farm) -> None:
    git("-C", str(farm.source), "branch", "feature/a-b")
    git("-C", str(farm.source), "push", "--quiet", str(farm.folder / "source.git"), "feature/a-b")
    assert farm.doit("last-good", "main").returncode == 3
    jobs = {branch: farm.enqueue("--branch", branch) for branch in ("main", "feature/a-b")}
    for _ in jobs:
        assert farm.doit("build").returncode == 0
    for branch, job in jobs.items():
        done = farm.doit("last-good", branch)
        assert (done.returncode, done.stdout) == (0, f"{job}\n"), done.stderr
        [found] = json.loads(farm.doit("good-builds", branch, "--json").stdout)
        assert (found["branch"], found["job"], found["builder"]) == (branch, job, "build1")
        there = git("-C", str(farm.coordination), "show", f"{found['tag']}:coordination/jobs.json")
        before = git(
            "-C", str(farm.coordination), "show", f"{found['tag']}~:coordination/jobs.json"
        )
        states = [
            next(entry["status"] for entry in json.loads(text)["jobs"] if entry["id"] == job)
            for text in (before, there)
        ]
        assert states == ["running", "completed"]
    assert "feature/a-b" in farm.doit("good-builds").stdout

    farm.pipeline("- {name: first, run: 'true'}\n")
    farm.enqueue()
    assert farm.doit("build").returncode == 0, "a success without artifacts"
    assert len(json.loads(farm.doit("good-builds", "--json").stdout)) == 2


def test_housekeeping_keeps_the_newest(farm: Farm) -> None:
    builder = farm.folder / "builder.yaml"
    builder.write_text(builder.read_text() + "keep_good_builds: 1\n")
    jobs = [farm.enqueue() for _ in range(2)]
    for _ in jobs:
        assert farm.doit("build").returncode == 0
        await_the_next_second()  # a tag is named after its second
    dry = json.loads(farm.doit("housekeeping", "--dry-run", "--json").stdout)
    [tag] = dry["good_builds"]
    assert farm.doit("housekeeping").returncode == 0
    assert tag not in git("-C", str(farm.coordination), "tag")
    assert farm.doit("last-good", "main").stdout.strip() == jobs[1]

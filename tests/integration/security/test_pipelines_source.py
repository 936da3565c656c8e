"""Builders that take their pipelines from one branch."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import AUTHOR, Farm, await_that, git


def from_a_repository(farm: Farm) -> Path:
    """Let the farm take its pipelines from a repository of their own; returns a tree of it."""
    tree = farm.folder / "definitions"
    git("init", "--quiet", "--initial-branch=main", str(tree))
    config = farm.folder / "builder.yaml"
    text = config.read_text().replace(
        "pipelines_file: ./pipelines.yaml", "pipelines_source: {repository: ./definitions}"
    )
    config.write_text(text)
    return tree


def publish(farm: Farm, tree: Path, script: str) -> str:
    farm.second(script)
    text = (farm.folder / "pipelines.yaml").read_text()
    (tree / "pipelines.yaml").write_text(text.replace("./source", str(farm.source)))
    git("-C", str(tree), "add", "--all")
    git(*AUTHOR, "-C", str(tree), "commit", "--quiet", "-m", script)
    return git("-C", str(tree), "rev-parse", "HEAD")


def test_all_builders_build_with_the_last_good_commit_and_record_it(farm: Farm) -> None:
    tree = from_a_repository(farm)
    good = publish(farm, tree, "echo good >> $LEDGER")
    publish(farm, tree, "${{ nonsense")
    for builder in ("build1", "build2"):
        job = farm.enqueue()
        built = farm.doit("build", builder=builder)
        assert built.returncode == 0, built.stderr
        details = next(
            t["details"] for t in farm.transitions(job) if "plan" in t.get("details", {})
        )
        assert details["pipelines_commit"] == good
    assert farm.ran().count("good") == 2
    explained = farm.doit("explain", job).stdout
    assert f"planned by pipelines commit {good[:12]}" in explained
    assert json.loads(farm.doit("explain", job, "--json").stdout)["pipelines_commit"] == good
    checked = farm.doit("validate")
    assert checked.returncode == 0
    assert f"commit {good[:12]} stays in use" in checked.stderr
    found = {row["check"]: row for row in json.loads(farm.doit("doctor", "--json").stdout)}
    assert found["pipelines source"]["found"].startswith(f"commit {good[:12]} stays in use: ")
    refused = farm.doit("new", "other")
    assert refused.returncode == 3
    assert "the pipelines come from pipelines_source" in refused.stderr


def test_a_watch_says_that_the_newest_commit_is_not_used_and_a_work_uses_the_next(
    farm: Farm,
) -> None:
    tree = from_a_repository(farm)
    good = publish(farm, tree, "echo good >> $LEDGER")
    work = farm.start("work")
    job = farm.enqueue()
    await_that(lambda: farm.job(job)["status"] == "completed", "the job is built")
    publish(farm, tree, "${{ nonsense")
    said = ""
    assert work.stderr
    while "pipelines source" not in said:
        said = work.stderr.readline()
    assert f"commit {good[:12]} stays in use" in said
    newest = publish(farm, tree, "echo newest >> $LEDGER")
    job = farm.enqueue()
    await_that(lambda: farm.job(job)["status"] == "completed", "the second job is built")
    commits = {
        t["details"]["pipelines_commit"]
        for t in farm.transitions(job)
        if "plan" in t.get("details", {})
    }
    assert commits <= {good, newest}


def test_a_branch_of_the_coordination_repository_without_keys_stops_every_build(
    farm: Farm,
) -> None:
    config = farm.folder / "builder.yaml"
    source = "pipelines_source: {repository: ./coordination.git, branch: pipelines}"
    text = config.read_text().replace("pipelines_file: ./pipelines.yaml", source)
    tree = from_a_repository(farm)
    config.write_text(text)
    publish(farm, tree, "echo theirs >> $LEDGER")
    git("-C", str(tree), "push", "--quiet", str(farm.coordination), "HEAD:pipelines")
    refused = farm.doit("build")
    assert refused.returncode == 3
    assert "Name the keys that may sign its commits in `allowed_signers`" in refused.stderr
    assert farm.ran() == []

"""Triggers with real sources, looked at by `doit work`."""

from __future__ import annotations

import json
from pathlib import Path

from pipelines.domain.pipeline import Pipeline
from pipelines.tasks.watched import WatchedSource
from tests.conftest import Farm, await_that, git
from tests.support.pipelines.reading import read

TRIGGERS = """
    triggers:
      push: {branches: "*", paths: ["docs/*"], tags: "v*"}
      schedule: {cron: "0 3 1 1 *", timezone: Europe/Berlin, branch: main}
"""


def with_triggers(farm: Farm) -> None:
    farm.second("echo second >> $LEDGER")
    file = farm.folder / "pipelines.yaml"
    file.write_text(file.read_text().replace("\n    steps:", f"{TRIGGERS}    steps:", 1))


def push(farm: Farm, path: str, text: str, *refs: str) -> str:
    file = farm.source / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    commit = farm.commit_source(text)
    git("-C", str(farm.source), "push", "--quiet", str(farm.folder / "source.git"), *refs)
    return commit


def started(farm: Farm) -> list[str]:
    return [job["id"] for job in json.loads(farm.doit("jobs", "--json").stdout)]


def test_a_push_is_built_and_a_person_can_see_why_another_is_not(farm: Farm) -> None:
    with_triggers(farm)
    before = json.loads(farm.doit("triggers", "--json").stdout)
    assert [each["name"] for each in before] == ["ledger/push", "ledger/schedule"]
    assert before[1]["next_run"].endswith("-01-01T02:00:00Z")
    farm.start("watch")

    def said(name: str = "ledger/push") -> str:
        [found] = json.loads(farm.doit("triggers", name, "--json").stdout)
        return str(found["said"])

    await_that(lambda: "1 branches" in said(), "the first look is done")
    other = push(farm, "hello", "no documentation", "HEAD:main")
    why = f"main {other[:12]}: changes none of the files of `paths`"
    await_that(lambda: why in said(), "the push is seen")
    commit = push(farm, "docs/a", "documentation", "HEAD:main", "HEAD:refs/tags/v1")
    job = f"ledger-main-{commit[:12]}"
    await_that(lambda: job in started(farm), "the push is queued")
    assert farm.doit("build", job).returncode == 0
    assert farm.job(job)["trigger"] == "ledger/push"
    assert farm.job(f"ledger-v1-{commit[:12]}")["branch"] is None
    table = farm.doit("triggers").stdout
    assert "ledger/schedule" in table
    paused = farm.doit("triggers", "ledger/push", "--pause", "--reason", "release", "--as", "ann")
    assert "paused by ann" in paused.stdout
    assert farm.doit("triggers", "ledger/push", "--resume").returncode == 0
    wrong = farm.doit("triggers", "ledger/psh", "--pause")
    assert wrong.returncode == 3
    assert "unknown trigger 'ledger/psh'; did you mean 'ledger/push'?" in wrong.stderr
    farm.write("coordination/triggers.json", "[]")
    assert "coordination/triggers.json" in farm.doit("fsck").stdout


def test_jobs_of_schedules_can_be_left_out(farm: Farm) -> None:
    farm.enqueue("--id", "mine")
    queue = json.loads(farm.read("coordination/jobs.json"))
    timed = {**queue["jobs"][0], "id": "timed", "trigger": "ledger/schedule"}
    queue["jobs"].append(timed)
    farm.write("coordination/jobs.json", json.dumps(queue, indent=2))
    assert started(farm) == ["mine", "timed"]
    shown = json.loads(farm.doit("jobs", "--unscheduled", "--json").stdout)
    assert [(job["id"], job["trigger"]) for job in shown] == [("mine", None)]
    assert "timed" not in farm.doit("status", "--unscheduled").stdout


def pipeline(repository: Path | str) -> Pipeline:
    return read(
        f"description: d\nsource: {{repository: '{repository}'}}\nsteps: [{{run: 'true'}}]\n"
        "triggers: {push: {branches: main}}\n"
    )


def test_branches_tags_and_changes_of_a_source(farm: Farm) -> None:
    first = farm.commit
    second = push(farm, "docs/a", "documentation", "HEAD:main")
    git(
        "-C", str(farm.source), "-c", "user.name=t", "-c", "user.email=t@x", "tag", "-am", "t", "v1"
    )
    git("-C", str(farm.source), "push", "--quiet", str(farm.folder / "source.git"), "v1")
    source = WatchedSource(
        pipeline=pipeline(farm.folder / "source.git"),
        folder=farm.folder / "w",
        env={"PATH": "/usr/bin:/bin"},
    )
    refs = source.refs()
    assert refs.branches == {"main": second}
    assert refs.tags == {"v1": second}
    assert source.changes(first, second, ["docs/*"]) is True
    assert source.changes(first, second, ["src/**"]) is False
    assert source.changes("1" * 40, second, ["docs/*"]) is None
    assert list((farm.folder / "w").iterdir()) == []

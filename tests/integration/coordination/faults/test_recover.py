"""`doit recover`: what a rewound main has lost comes back, from the clone of whoever saw it."""

from __future__ import annotations

import json
import shutil
from typing import Any

from tests.conftest import Farm, await_that, git


def tip(farm: Farm) -> str:
    return git("-C", str(farm.coordination), "rev-parse", "main")


def rewind(farm: Farm, version: str) -> None:
    git("-C", str(farm.coordination), "update-ref", "refs/heads/main", version)


def recover(farm: Farm, *options: str, builder: str = "build1") -> Any:
    done = farm.doit("recover", "--from-clone", "--json", *options, builder=builder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_rewound_main_gets_everything_back(farm: Farm) -> None:
    queued = farm.enqueue()
    before = tip(farm)
    built = farm.enqueue("--priority", "1")
    assert farm.doit("build").returncode == 0
    files, good = set(farm.files()), tip(farm)
    rewind(farm, before)
    refused = farm.doit("build")
    assert refused.returncode == 1
    assert "`doit recover --from-clone`" in refused.stderr

    shown = recover(farm)

    assert (shown["main"], shown["seen"], shown["written"]) == (before, good, False)
    assert shown["lost"][0] == f"job {built} is missing (finished)"
    assert shown["workspaces"] == [built]
    assert tip(farm) == before, "shown first"
    text = farm.doit("recover", "--from-clone").stdout
    assert "nothing was written: `doit recover --from-clone --write` puts the facts back" in text

    assert recover(farm, "--write")["lost"] == shown["lost"]

    assert files <= set(farm.files())
    assert git("-C", str(farm.coordination), "rev-list", "--count", f"{before}..main") == "1"
    assert recover(farm)["lost"] == []
    assert (farm.doit("fsck").stdout, farm.job(built)["status"]) == (
        "no problems found\n",
        "completed",
    )
    assert farm.doit("build", "--job", queued).returncode == 0


def test_each_builder_adds_what_it_saw(farm: Farm) -> None:
    """build2 saw less, and claims anew what build1 has built: the end counts."""
    job = farm.enqueue()
    farm.doit("jobs", builder="build2")
    before = tip(farm)
    assert farm.doit("build").returncode == 0
    rewind(farm, before)
    farm.second("echo again >> $LEDGER; sleep 1000")
    other = farm.start("build", builder="build2")
    await_that(lambda: "again" in farm.ran(), "build2 builds it")
    other.kill()
    other.communicate()
    assert farm.job(job)["assigned_to"] == "build2"
    assert "was claimed twice" in farm.doit("jobs").stderr

    recover(farm, "--write")

    entry = farm.job(job)
    assert (entry["status"], entry["assigned_to"]) == ("completed", "build1")
    assert farm.doit("jobs", builder="build2").returncode == 0
    assert "lost" not in farm.doit("build", builder="build2").stdout
    assert farm.job(job)["status"] == "completed"


def test_an_emptied_repository_gets_everything_back(farm: Farm) -> None:
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0
    shutil.rmtree(farm.coordination)
    git("init", "--quiet", "--bare", "--initial-branch=main", str(farm.coordination))
    assert farm.doit("jobs").returncode == 1

    recover(farm, "--write")

    assert farm.job(job)["status"] == "completed"
    assert farm.doit("fsck").returncode == 0


def test_another_farm_stops_each_command_with_one_line(farm: Farm) -> None:
    farm.enqueue()
    assert farm.doit("build").returncode == 0
    ours = farm.coordination.rename(farm.folder / "ours.git")
    git("init", "--quiet", "--bare", "--initial-branch=main", str(farm.coordination))
    (farm.folder / "other").mkdir()
    theirs = farm.start(
        *("drain", "--all"), environment={"BUILDER_STATE_DIR": str(farm.folder / "other")}
    )
    theirs.communicate()
    before = git("-C", str(farm.coordination), "for-each-ref")

    for command in (
        ("jobs",),
        ("status",),
        ("build",),
        ("watch",),
        ("fsck",),
        ("recover", "--from-clone", "--write"),
        ("enqueue", "--pipeline", "ledger", "--branch", "main"),
    ):
        done = farm.doit(*command)
        assert done.returncode == 3, (command, done)
        [line] = [line for line in done.stderr.splitlines() if "watching as" not in line]
        assert "belongs to another farm" in line
        assert "Correct coordination_repository in builder.yaml" in line
    assert git("-C", str(farm.coordination), "for-each-ref") == before, "no heartbeat either"

    shutil.rmtree(farm.coordination)
    ours.rename(farm.coordination)
    assert farm.doit("fsck").returncode == 0


def test_what_cannot_be_recovered_is_said_in_one_line(farm: Farm) -> None:
    no_source = farm.doit("recover")
    assert (no_source.returncode, no_source.stderr) == (
        3,
        "doit recover: --from-clone is required: there is no other source\n",
    )
    nothing = farm.doit("recover", "--from-clone")
    assert (nothing.returncode, nothing.stderr) == (
        3,
        "doit recover: this builder has not seen main yet\n",
    )
    farm.enqueue()
    farm.write("README", "x")
    farm.doit("jobs")
    rewind(farm, "main~1")
    assert "nothing of" in farm.doit("recover", "--from-clone").stdout
    shutil.rmtree(next((farm.folder / "state/build1/coordination").glob("*/")))
    gone = farm.doit("recover", "--from-clone")
    assert (gone.returncode, "Run this on another builder." in gone.stderr) == (3, True)

"""`doit clean-workspaces` and a disk that is full, as a person meets them."""

from __future__ import annotations

import json
import time

from tests.conftest import PATIENCE, Farm, await_that


def configure(farm: Farm, text: str) -> None:
    with (farm.folder / "builder.yaml").open("a") as file:
        file.write(text + "\n")


def test_what_is_not_needed_is_shown_and_then_removed(farm: Farm) -> None:
    first, last = farm.enqueue(), farm.enqueue()
    assert farm.doit("build", "--job", first).returncode == 0
    ended = int(time.time())
    # the queue's times are whole seconds
    await_that(lambda: int(time.time()) > ended, "the last build ends in another second")
    assert farm.doit("build", "--job", last).returncode == 0
    waiting = farm.enqueue()
    configure(farm, "limits: {workspaces: {size: 0K}, mirrors: {size: 0K}}")
    jobs = farm.folder / "state" / "build1" / "jobs"
    shown = farm.doit("clean-workspaces")
    assert shown.returncode == 0, shown.stderr
    assert first in shown.stdout
    assert last not in shown.stdout
    assert "Remove it with --remove." in shown.stdout
    assert (jobs / first).exists()
    told = json.loads(farm.doit("clean-workspaces", "--remove", "--json").stdout)
    assert [found["kind"] for found in told["found"]] == ["workspaces"]
    assert [path.name for path in jobs.iterdir()] == [last]
    farm.ledger.unlink()
    assert farm.doit("build", "--job", last).returncode == 0
    assert farm.ran() == []
    assert farm.doit("build", "--job", waiting).returncode == 0


def test_nothing_is_removed_under_a_running_build(farm: Farm) -> None:
    farm.second("echo began >> $LEDGER; while [ ! -e $LEDGER.go ]; do sleep 0.05; done")
    farm.enqueue()
    configure(farm, "limits: {workspaces: {size: 0K}}")
    process = farm.start("build")
    await_that(lambda: "began" in farm.ran(), "the second step begins")
    refused = farm.doit("clean-workspaces", "--remove")
    assert refused.returncode == 3
    assert "a doit build is running" in refused.stderr
    assert json.loads(farm.doit("clean-workspaces", "--json").stdout)["found"] == []
    farm.ledger.with_name("ledger.go").touch()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_without_free_space_no_job_is_claimed(farm: Farm) -> None:
    job = farm.enqueue()
    configure(farm, "min_free: 1000T")
    done = farm.doit("build")
    assert done.returncode == 4
    assert len(done.stderr.strip().splitlines()) == 1
    assert "min_free is 1024000.0 GiB" in done.stderr
    assert "min_free" in farm.doit("explain").stdout
    assert farm.job(job)["status"] == "queued"
    assert "min_free" in farm.doit("help", "build").stdout

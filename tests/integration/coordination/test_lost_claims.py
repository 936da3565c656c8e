"""A builder whose job was taken away between two looks at the repository; real processes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.conftest import PATIENCE, Farm, await_that


def looks_never(farm: Farm) -> None:
    """Its regular looks are an hour apart."""
    path = farm.folder / "builder.yaml"
    path.write_text(path.read_text().replace("observe_every: 1s", "observe_every: 1h"))


def in_the_second_step(farm: Farm) -> tuple[str, subprocess.Popen[str]]:
    """A job whose second step runs until the ledger has the file `.go` beside it."""
    farm.second("echo second >> $LEDGER; until test -e $LEDGER.go; do sleep 0.1; done")
    job = farm.enqueue()
    build = farm.start("build")
    await_that(lambda: "second" in farm.ran(), "the second step runs")
    return job, build


def test_no_step_starts_after_the_claim_is_lost(farm: Farm) -> None:
    looks_never(farm)
    job, build = in_the_second_step(farm)
    assert farm.doit("cancel", job, builder="laptop").returncode == 0
    assert farm.doit("retry", job, "--on", "laptop", builder="laptop").returncode == 0

    Path(f"{farm.ledger}.go").touch()

    _, err = build.communicate(timeout=PATIENCE)
    assert build.returncode == 5
    assert "lost the claim" in err
    assert farm.ran() == ["first", "second"]
    assert farm.job(job)["status"] == "queued"


def test_steps_start_while_the_remote_is_away(farm: Farm) -> None:
    looks_never(farm)
    job, build = in_the_second_step(farm)
    away = farm.folder / "away.git"
    shutil.move(farm.coordination, away)
    Path(f"{farm.ledger}.go").touch()
    await_that(lambda: "third" in farm.ran(), "the third step runs")
    shutil.move(away, farm.coordination)
    build.communicate(timeout=PATIENCE)
    assert farm.doit("build").returncode == 4
    assert farm.job(job)["status"] == "completed"


def test_a_builder_that_lost_its_disk_gives_back_what_it_held(farm: Farm) -> None:
    """It lives under its id, and its heartbeats were taken for those of the lost attempt."""
    path = farm.folder / "builder.yaml"
    beats = "{building: 1s, waiting: 1s, idle: 1s}"
    path.write_text(path.read_text() + f"lease: 6s\nheartbeat: {beats}\n")
    job, build = in_the_second_step(farm)
    build.kill()
    build.wait()
    Path(f"{farm.ledger}.go").touch()
    shutil.rmtree(farm.folder / "state")

    watch = farm.start("watch")
    found = f"job {job} is running on build1, which says that it is idle"
    await_that(lambda: found in farm.doit("fsck", builder="laptop").stdout, "fsck names it")
    await_that(lambda: farm.job(job)["status"] == "queued", "the job is queued again")
    watch.terminate()
    assert watch.wait(PATIENCE) == 0
    assert farm.job(job)["reason"].startswith("builder build1 is idle")

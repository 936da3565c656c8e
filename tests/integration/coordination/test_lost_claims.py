"""A builder whose job was taken away between two looks at the repository; real processes."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.conftest import PATIENCE, Farm, await_that


def looks_never(farm: Farm) -> None:
    """Its regular looks are an hour apart."""
    path = farm.folder / "builder.yaml"
    path.write_text(path.read_text().replace("observe_every: 1s", "observe_every: 1h"))


def test_no_step_starts_after_the_claim_is_lost(farm: Farm) -> None:
    looks_never(farm)
    farm.second("echo second >> $LEDGER; until test -e $LEDGER.go; do sleep 0.1; done")
    job = farm.enqueue()
    build = farm.start("build")
    await_that(lambda: "second" in farm.ran(), "the second step runs")
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
    farm.second("echo second >> $LEDGER; until test -e $LEDGER.go; do sleep 0.1; done")
    job = farm.enqueue()
    build = farm.start("build")
    await_that(lambda: "second" in farm.ran(), "the second step runs")
    away = farm.folder / "away.git"
    shutil.move(farm.coordination, away)
    Path(f"{farm.ledger}.go").touch()
    await_that(lambda: "third" in farm.ran(), "the third step runs")
    shutil.move(away, farm.coordination)
    build.communicate(timeout=PATIENCE)
    assert farm.doit("build").returncode == 4
    assert farm.job(job)["status"] == "completed"

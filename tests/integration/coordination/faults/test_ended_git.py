"""A signal that also reaches the builder's git, as from a service manager: no damage is claimed."""

from __future__ import annotations

import signal

import psutil

from tests.conftest import PATIENCE, Farm, await_that


def test_sigterm_to_a_build_and_all_its_git_gives_the_job_back(farm: Farm) -> None:
    farm.second("echo second >> $LEDGER; sleep 1000")
    job = farm.enqueue()
    build = farm.start("build")
    await_that(lambda: "second" in farm.ran(), "the step runs")
    processes = [psutil.Process(build.pid), *psutil.Process(build.pid).children(recursive=True)]
    git = [process for process in processes if process.name().startswith("git")]
    assert git, "the reader of the clone"

    for process in (*git, processes[0]):
        process.send_signal(signal.SIGTERM)
    out, err = build.communicate(timeout=PATIENCE)

    assert build.returncode == 128 + signal.SIGTERM, out + err
    assert "damaged" not in out + err
    assert "Traceback" not in out + err
    assert farm.job(job)["status"] == "queued"

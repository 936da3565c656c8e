"""`doit remove-builder` in a farm of two: what is said first, and what is left."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

from tests.conftest import Farm, await_that, git


def branches(farm: Farm) -> set[str]:
    return set(git("-C", str(farm.coordination), "branch", "--format=%(refname:short)").split())


def killed_build(farm: Farm, builder: str) -> str:
    """A builder that died over a job, after it had ended another one."""
    done = farm.enqueue()
    assert farm.doit("build", builder=builder).returncode == 0
    farm.second("echo second >> $LEDGER; sleep 3600")
    farm.enqueue()
    build = farm.start("build", builder=builder)
    await_that(lambda: farm.ran().count("second") == 2, "the second step runs again")
    build.send_signal(signal.SIGKILL)
    build.wait()
    return done


def remove(farm: Farm, *words: str) -> subprocess.CompletedProcess[str]:
    return farm.doit("remove-builder", *words, builder="build1")


def test_a_dead_builder_leaves(farm: Farm) -> None:
    done = killed_build(farm, "build2")
    farm.doit("drain", "build2", "--reason", "old")
    farm.doit("locks", "--take", "config_update", builder="build2")
    waiting = farm.enqueue("--on", "build2")
    git("-C", str(farm.coordination), "branch", "heartbeat-build2", "main")
    before = farm.files()

    shown = remove(farm, "build2")
    assert shown.returncode == 0, shown.stderr
    for text in (
        ": to be queued again",
        f"only it may claim {waiting}; change that with `doit set {waiting} --on any`",
        "holds the locks config_update",
        "drained by",
        "heartbeat-build2",
        "files build2/status.json, build2/heartbeat.json",
        f"has the only artifacts of {done}",
        "nothing was changed: `doit remove-builder build2 --write` removes it",
    ):
        assert text in shown.stdout
    document = json.loads(remove(farm, "build2", "--json").stdout)
    [running] = document["running"]
    assert (document["removed"], document["bound"]) == (False, [waiting])
    assert farm.files() == before

    early = remove(farm, "build2", "--write")
    assert (early.returncode, "is not known to be silent" in early.stderr) == (3, True)
    removed = remove(farm, "build2", "--write", "--force", "--as", "eve")
    assert removed.returncode == 0, removed.stderr
    assert farm.job(running)["status"] == "queued"
    assert "builder build2 left the farm" in farm.job(running)["reason"]
    assert not {name for name in branches(farm) if "build2" in name}
    assert "build2" not in farm.doit("status").stdout.partition("waiting")[0]
    assert farm.job(done)["status"] == "completed"
    assert farm.doit("fsck").returncode == 0, "manifests and transitions are there"
    assert Path(farm.folder, "state", "build2").is_dir(), "its disk is its own"
    gone = remove(farm, "build3")
    assert (gone.returncode, "unknown builder 'build3'" in gone.stderr) == (3, True)

"""`doit rename-builder` in a farm of two: what moves, what is still found, what is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.conftest import Farm, await_that, git


def branches(farm: Farm) -> set[str]:
    return set(git("-C", str(farm.coordination), "branch", "--format=%(refname:short)").split())


def rename(farm: Farm, *words: str) -> subprocess.CompletedProcess[str]:
    return farm.doit("rename-builder", *words, builder="build1")


def test_a_builder_gets_another_id(farm: Farm) -> None:
    done = farm.enqueue()
    assert farm.doit("build", builder="build2").returncode == 0
    farm.second("exit 1")
    failed = farm.enqueue()
    assert farm.doit("build", builder="build2").returncode != 0
    waiting = farm.enqueue("--on", "build2")
    farm.doit("drain", "build2", "--reason", "new name")
    farm.doit("locks", "--take", "config_update", builder="build2")
    note = farm.doit("send", "--to", "build2", "--subject", "hello").stdout.strip()
    git("-C", str(farm.coordination), "branch", "heartbeat-build2", "main")
    before = farm.files()
    old, new = farm.folder / "state" / "build2", farm.folder / "state" / "build7"

    shown = rename(farm, "build2", "build7")
    assert shown.returncode == 0, shown.stderr
    for text in (f"only it may claim {waiting}", "locks config_update", f"artifacts of {done}"):
        assert text in shown.stdout
    assert farm.files() == before
    assert old.is_dir()

    renamed = rename(farm, "build2", "build7", "--write", "--as", "eve")
    assert renamed.returncode == 0, renamed.stderr
    assert {name for name in branches(farm) if "build" in name} == {"logs-build7"}
    assert (new.is_symlink(), old.readlink()) == (False, Path("build7"))
    assert json.loads(farm.read("build7/status.json"))["formerly"] == ["build2"]
    assert "build2/status.json" not in farm.files()
    [message] = json.loads(farm.doit("messages", "--json", builder="build7").stdout)
    assert (message["id"], message["to"]) == (note, "build7")
    assert "build7" in farm.doit("locks").stdout
    assert farm.doit("logs", failed, "second").returncode == 0
    fetched = farm.doit("fetch", done, "-o", str(farm.folder / "copy"))
    assert fetched.returncode == 0, fetched.stderr
    assert farm.doit("fsck").returncode == 0

    again = rename(farm, "build2", "build7", "--write")
    assert again.returncode == 0, "a repeated command finishes what was left"
    back = rename(farm, "build7", "build2", "--write")
    assert back.returncode == 0, back.stderr
    assert rename(farm, "build2", "build7", "--write").returncode == 0
    assert (new.is_symlink(), old.readlink()) == (False, Path("build7"))
    farm.second("git -C . log -1 --format=%H >> $LEDGER")
    farm.doit("resume", "build7")
    farm.doit("retry", failed, "--replan")
    build = farm.doit("build", "--job", failed, builder="build7")
    assert build.returncode == 0, "the old tree finds its objects"


def test_what_is_refused(farm: Farm) -> None:
    farm.second("echo second >> $LEDGER; sleep 3600")
    job = farm.enqueue()
    build = farm.start("build", builder="build2")
    await_that(lambda: "second" in farm.ran(), "the second step runs")

    def refused(*words: str) -> str:
        done = rename(farm, *words)
        assert done.returncode == 3, done.stdout
        return done.stderr

    assert "a doit build is running" in refused("build2", "build7", "--write")
    build.kill()
    build.wait()
    assert "unsent records. Send them first" in refused("build2", "build7", "--write")
    assert farm.doit("outbox", "--send", builder="build2").returncode == 0
    assert f"builder build2 runs job {job}" in refused("build2", "build7", "--write")
    assert "invalid builder id 'all'" in refused("build2", "all")
    assert "you act as builder build1" in refused("build2", "build1")
    assert "unknown builder 'build3'" in refused("build3", "build7")
    farm.write("build7/status.json", "{}")
    assert "builder id build7 is taken" in refused("build2", "build7")

"""`doit fetch` on the builder's host, and from another one by a real sshd."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from coordination_tasks.farm.artifacts.targets import DOCUMENT_SUFFIXES
from tests.conftest import HOME, Farm
from tests.support.coordination.ssh_server import is_possible, ssh_server

RSYNC = shutil.which("rsync")
needs_sshd = pytest.mark.skipif(not is_possible(), reason="no sshd can be started here")


class Laptop(Farm):
    """The same farm from a machine with a disk of its own, and perhaps an ssh of its own."""

    programs = ""

    @property
    def environment(self) -> dict[str, str]:
        own = super().environment | {"BUILDER_STATE_DIR": str(self.folder / "laptop")}
        return own | {"PATH": f"{self.programs}{os.environ['PATH']}"}


def built(farm: Farm, address: str = "") -> str:
    if address:
        builder = farm.folder / "builder.yaml"
        builder.write_text(builder.read_text() + f"address: {address}\n")
    farm.pipeline(
        """
        - name: first
          run: mkdir 'a b'; cp hello 'a b/one.txt'; ln 'a b/one.txt' 1.txt; echo two > two.txt
        - {uses: artifact-manifest, with: {paths: ["a b/one.txt", 1.txt, two.txt]}}
        """
    )
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0
    return job


def copies(folder: Path) -> dict[str, str]:
    files = [path for path in folder.iterdir() if not path.name.endswith(DOCUMENT_SUFFIXES)]
    return {path.name: path.read_text() for path in files}


HELLO = {"one.txt": "hello\n", "1.txt": "hello\n", "two.txt": "two\n"}


def test_on_the_same_host_they_are_copied_and_compared(farm: Farm) -> None:
    job, target = built(farm), farm.folder / "here"
    done = farm.doit("fetch", job, "-o", str(target), "--json", builder="laptop")
    assert done.returncode == 0, done.stderr
    assert copies(target) == HELLO
    [one, *_] = json.loads(done.stdout)["files"]
    assert one["digest"] == hashlib.sha256(b"hello\n").hexdigest()
    assert farm.doit("fetch", job, "-o", str(target)).returncode == 0, "they are there already"

    (target / "two.txt").write_text("mine\n")
    differs = farm.doit("fetch", job, "-o", str(target))
    assert differs.returncode == 3
    assert "exists and differs" in differs.stderr
    assert copies(target)["two.txt"] == "mine\n"


def test_without_a_folder_they_get_one_in_which_python_finds_no_module(farm: Farm) -> None:
    job = built(farm)
    usual = HOME / "artifacts" / job
    try:
        done = farm.doit("fetch", job)
        assert done.returncode == 0, done.stderr
        assert copies(usual) == HELLO
    finally:
        shutil.rmtree(usual, ignore_errors=True)


def test_what_differs_from_the_manifest_is_not_copied(farm: Farm) -> None:
    job, target = built(farm), farm.folder / "here"
    [source] = (farm.folder / "state" / "build1" / "jobs").glob("*/build/source/two.txt")
    source.write_text("bad\n")
    done = farm.doit("fetch", job, "-o", str(target))
    assert done.returncode == 1
    assert "two.txt on builder build1: its content differs from the manifest" in done.stderr
    assert copies(target) == {}
    source.unlink()
    gone = farm.doit("fetch", job, "-o", str(target))
    assert gone.returncode == 3
    assert "no longer there" in gone.stderr


@needs_sshd
def test_from_another_machine_they_come_through_ssh(farm: Farm) -> None:
    with ssh_server(farm.folder / "ssh") as address:
        job, target = built(farm, address), farm.folder / "here"
        laptop = Laptop(farm.folder)
        laptop.programs = f"{farm.folder}/ssh/bin:"
        done = laptop.doit("fetch", job, "-o", str(target), builder="laptop")
        assert done.returncode == 0, done.stderr
        assert copies(target) == HELLO
        shutil.rmtree(target)
        [source] = (farm.folder / "state" / "build1" / "jobs").glob("*/build/source/two.txt")
        source.unlink()
        gone = laptop.doit("fetch", job, "-o", str(target), builder="laptop")
        assert gone.returncode == 1
        assert "two.txt" in gone.stderr
        assert copies(target) == {}
    away = laptop.doit("fetch", job, "-o", str(target), builder="laptop")
    assert away.returncode == 1
    assert "cannot copy from builder build1" in away.stderr


LYING = """#!/bin/sh
test "$1" = --server || exec {rsync} "$@"
yes | head -c 30000000 # no protocol, and no end in sight
"""


@needs_sshd
@pytest.mark.skipif(RSYNC is None, reason="rsync is not installed")
def test_rsync_brings_them_where_both_machines_have_it(farm: Farm) -> None:
    """The builder's rsync notes that it ran; a lying one ends with what the manifest allows."""
    there = farm.folder / "there"
    there.mkdir()
    noting = there / "rsync"
    noting.write_text(f'#!/bin/sh\ntouch {farm.folder}/ran\nexec {RSYNC} "$@"\n')
    noting.chmod(0o755)
    with ssh_server(farm.folder / "ssh", f"{there}:/usr/bin:/bin") as address:
        job, target = built(farm, address), farm.folder / "he re"
        laptop = Laptop(farm.folder)
        laptop.programs = f"{farm.folder}/ssh/bin:"
        done = laptop.doit("fetch", job, "-o", str(target), builder="laptop")
        assert done.returncode == 0, done.stderr
        assert copies(target) == HELLO
        assert (farm.folder / "ran").exists()

        noting.write_text(LYING.format(rsync=RSYNC))
        lied = laptop.doit("fetch", job, "-o", str(farm.folder / "no"), builder="laptop")
        assert lied.returncode == 1
        assert "builder build1 sends" in lied.stderr
        assert list((farm.folder / "no").iterdir()) == []


@needs_sshd
def test_a_builder_that_sends_more_than_its_manifest_lists_is_stopped(farm: Farm) -> None:
    """Its tar makes a file longer, or never ends."""
    there = farm.folder / "there"
    there.mkdir()
    (there / "tar").write_text("#!/bin/sh\n")
    (there / "tar").chmod(0o755)
    with ssh_server(farm.folder / "ssh", f"{there}:/usr/bin:/bin") as address:
        job, target = built(farm, address), farm.folder / "here"
        laptop = Laptop(farm.folder)
        laptop.programs = f"{farm.folder}/ssh/bin:"
        source = next((farm.folder / "state/build1/jobs").glob("*/build/source"))
        (source / "two.txt").write_text("two\n" * 1000)
        for script, words in (
            ('exec /bin/tar "$@"', "two.txt on builder build1 is larger than the 4 B"),
            ("exec /bin/tar -cf - /usr/bin", "builder build1 sends more than its manifest lists"),
        ):
            (there / "tar").write_text(f"#!/bin/sh\n{script}\n")
            done = laptop.doit("fetch", job, "-o", str(target), builder="laptop")
            assert (done.returncode, words in done.stderr) == (1, True), done.stderr
            assert list(target.iterdir()) == []


def test_a_builder_without_an_address_is_told(farm: Farm) -> None:
    job = built(farm)
    done = Laptop(farm.folder).doit("fetch", job, builder="laptop")
    assert done.returncode == 3
    assert "builder build1 publishes no address" in done.stderr
    assert str(farm.folder / "state" / "build1") in done.stderr


def test_a_job_without_artifacts(farm: Farm) -> None:
    job = farm.enqueue()
    done = farm.doit("fetch", job)
    assert done.returncode == 3
    assert "has no artifacts: its state is queued" in done.stderr

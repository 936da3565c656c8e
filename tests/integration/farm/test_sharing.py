"""`doit share` and `doit shared` between two builders, with a real sshd for a large file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.conftest import Farm, git
from tests.support.coordination.ssh_server import is_possible, ssh_server


def branches(farm: Farm) -> list[str]:
    return git("-C", str(farm.coordination), "branch", "--list", "shared-*").split()


def share(farm: Farm, path: Path, *words: str) -> str:
    done = farm.doit("share", str(path), *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_small_file_goes_through_the_repository(farm: Farm, tmp_path: Path) -> None:
    file = tmp_path / "notes.bin"
    file.write_bytes(bytes(range(256)))
    farm.enqueue()
    before = git("-C", str(farm.coordination), "rev-parse", "main")
    first = share(farm, file, "--to", "build2", "--as", "ann")
    listed = json.loads(farm.doit("shared", "--json", builder="build2").stdout)["files"]
    assert [(f["id"], f["name"], f["to"], f["by"]) for f in listed] == [
        (first, "notes.bin", "build2", "ann")
    ]
    assert "build1 (ann)" in farm.doit("shared").stdout

    out = tmp_path / "out"
    got = farm.doit("shared", "--get", "notes.bin", "-o", str(out), builder="build2")
    assert (got.returncode, got.stdout) == (0, f"{out}/notes.bin\n"), got.stderr
    assert (out / "notes.bin").read_bytes() == file.read_bytes()
    assert farm.doit("shared", "--get", first, "-o", str(out)).returncode == 0, "it is there"
    (out / "notes.bin").write_text("mine")
    other = farm.doit("shared", "--get", first, "-o", str(out))
    assert (other.returncode, "exists and differs" in other.stderr) == (3, True)

    assert "shared no longer" in farm.doit("shared", "--remove", first).stdout
    assert branches(farm) == []
    assert farm.doit("shared").stdout == "no file is shared\n"
    assert git("-C", str(farm.coordination), "rev-parse", "main") == before


def test_an_expired_file_goes_by_itself(farm: Farm, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    share(farm, file, "--for", "1s")
    large = tmp_path / "large"
    large.write_bytes(os.urandom(1024**2 + 1))
    old = share(farm, large, "--for", "1s")
    kept = farm.folder / "state" / "build1" / "shared" / old
    assert (kept / "large").is_file()
    while branches(farm):
        farm.doit("shared")
    assert not kept.exists()


def test_what_is_refused(farm: Farm, tmp_path: Path) -> None:
    hidden = tmp_path / ".env"
    hidden.write_text("x")
    secret = tmp_path / "key"
    secret.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n")
    for words, message in (
        ((str(tmp_path),), "is not a file"),
        ((str(hidden),), "invalid name of a file '.env'"),
        ((str(secret),), "looks like a secret"),
        ((str(hidden), "--for", "1y"), "--for"),
        ((str(hidden), "--for", "100d"), "at most 90d"),
        ((str(hidden), "--to", "../x"), "invalid builder id"),
        ((), "expected one file"),
    ):
        done = farm.doit("share", *words)
        assert (done.returncode != 0, message in done.stderr) == (True, True), done.stderr
    assert branches(farm) == []
    gone = farm.doit("shared", "--get", "nothing")
    assert (gone.returncode, "no shared file is called 'nothing'" in gone.stderr) == (3, True)


def test_a_changed_file_is_no_shared_one(farm: Farm, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    name = f"shared-{share(farm, file)}"
    work = tmp_path / "work"
    git("clone", "--quiet", "--branch", name, str(farm.coordination), str(work))
    (work / "content").write_text("y")
    git("-C", str(work), "commit", "--quiet", "--all", "-m", "x")
    git("-C", str(work), "push", "--quiet", "origin", name)
    done = farm.doit("shared", "--get", "a", "-o", str(tmp_path / "out"))
    assert (done.returncode, "its SHA-256 is" in done.stderr) == (1, True)
    assert list((tmp_path / "out").iterdir()) == []
    (work / "about.json").write_text('{"name": "../../etc/passwd"}')
    git("-C", str(work), "commit", "--quiet", "--all", "-m", "x")
    git("-C", str(work), "push", "--quiet", "origin", name)
    assert farm.doit("shared").stdout == "no file is shared\n"


@pytest.mark.skipif(not is_possible(), reason="this machine has no sshd")
def test_a_large_file_comes_through_ssh(
    farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "large"
    file.write_bytes(os.urandom(3 * 1024**2))
    with ssh_server(tmp_path / "keys") as address:
        settings = farm.folder / "builder.yaml"
        settings.write_text(f"{settings.read_text()}address: '{address}'\n")
        farm.enqueue()
        assert farm.doit("build").returncode == 0, "it publishes its address"
        share(farm, file)
        text = settings.read_text().replace("state_dir: ./state", "state_dir: ./elsewhere")
        settings.write_text(text)
        monkeypatch.setenv("PATH", f"{tmp_path}/keys/bin:{os.environ['PATH']}")
        out = tmp_path / "out"
        got = farm.doit("shared", "--get", "large", "-o", str(out), builder="build2")
        assert got.returncode == 0, got.stderr
        assert (out / "large").read_bytes() == file.read_bytes()
        assert sorted(path.name for path in out.iterdir()) == ["large"]

"""`doit compare` of real jobs, of their copies, and of folders."""

from __future__ import annotations

import json
import shutil

from tests.conftest import Farm
from tests.support.debs import make_deb


def test_two_jobs_and_a_copy(farm: Farm) -> None:
    farm.pipeline(
        """
        - name: pack
          run: tar --sort=name --mtime=@0 -cf same.tar hello; echo $BUILD_JOB > own.txt
        - {uses: artifact-manifest, with: {paths: [same.tar, own.txt]}}
        """
    )
    first, second = farm.enqueue(), farm.enqueue()
    for _ in (first, second):
        assert farm.doit("build").returncode == 0
    done = farm.doit("compare", first, second, "--json")
    assert done.returncode == 6, done.stderr
    found = json.loads(done.stdout)
    assert found["same"] == ["same.tar"]
    [differs] = found["differing"]
    assert differs["name"] == "own.txt"
    assert differs["members"] is None

    copy = farm.folder / "copy"
    assert farm.doit("fetch", first, "-o", str(copy)).returncode == 0
    assert farm.doit("compare", first, str(copy)).returncode == 0
    manifest = str(copy / f"{first}-1-manifest.json")
    assert farm.doit("compare", manifest, str(copy)).returncode == 0
    shutil.copy(copy / "own.txt", copy / "more.txt")
    markdown = farm.doit("compare", first, str(copy), "--markdown")
    assert markdown.returncode == 6
    assert "| `more.txt` | only in B |" in markdown.stdout


def test_packages_in_folders_member_by_member(farm: Farm) -> None:
    a, b = farm.folder / "a", farm.folder / "b"
    make_deb(a, "tiny", text="hello\n")
    make_deb(b, "tiny", text="jello\n")
    shutil.rmtree(farm.coordination)  # two folders need none
    done = farm.doit("compare", str(a), str(b))
    assert done.returncode == 6, done.stderr
    assert "content differs: data/usr/share/tiny/hello.txt" in done.stdout
    if shutil.which("diffoscope"):
        assert "-hello" in done.stdout
        assert "+jello" in done.stdout


def test_what_cannot_be_compared_is_one_line(farm: Farm) -> None:
    for words, why in (
        (["one"], "expected two jobs, manifests or folders"),
        (["nothing", "."], "unknown job"),
        ([".", ".", "--json", "--markdown"], "exclude each other"),
    ):
        done = farm.doit("compare", *words)
        assert done.returncode == 3
        assert why in done.stderr
        assert done.stderr.count("\n") == 1

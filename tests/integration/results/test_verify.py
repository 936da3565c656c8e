"""`doit verify` of real jobs: in their workspace, and as `doit fetch` copied them."""

from __future__ import annotations

import json

from tests.conftest import Farm


def test_artifacts_are_verified_where_they_are(farm: Farm) -> None:
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0
    target = farm.folder / "here"
    assert farm.doit("fetch", job, "-o", str(target)).returncode == 0
    manifest = str(target / f"{job}-1-manifest.json")
    for words in ([], [job], [str(target)], [manifest]):
        done = farm.doit("verify", *words, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        [found] = json.loads(done.stdout)["manifests"]
        assert (found["job"], found["file_count"], found["deviations"]) == (job, 1, [])

    (target / "made.txt").write_text("jello\n")
    (target / f"{job}-1-sbom.cdx.json").unlink()
    statement = target / f"{job}-1-provenance.intoto.json"
    statement.write_text(statement.read_text().replace(f"{job}/1", f"{job}/2"))
    changed = farm.doit("verify", str(target))
    assert changed.returncode == 6
    assert "made.txt: its content differs from the manifest (sha256, sha512)" in changed.stdout
    assert f"{job}-1-sbom.cdx.json: {target}/{job}-1-sbom.cdx.json is missing" in changed.stdout
    assert f"{statement.name}: its content differs from the manifest" in changed.stdout
    unfit = f"{statement.name}: its job and attempt is {job}/2, that of the manifest {job}/1"
    assert unfit in changed.stdout
    assert farm.doit("verify", job).returncode == 0, "those of the builder are unchanged"

    farm.doit("rerun", job, "--from", "third")
    stale = farm.doit("verify", manifest)
    assert stale.returncode == 6
    assert "attempt 1 is stale: attempt 2 on build1 succeeded" in stale.stdout


def test_what_cannot_be_verified_is_one_line(farm: Farm) -> None:
    job = farm.enqueue()
    (farm.folder / "broken.json").write_text('{"artifacts": 1}')
    (farm.folder / "empty").mkdir()
    for word, why in {
        job: "has no artifacts: its state is queued",
        "nothing": "unknown job",
        str(farm.folder / "broken.json"): "invalid manifest",
        str(farm.folder / "empty"): "no manifest in this folder",
    }.items():
        done = farm.doit("verify", word)
        assert done.returncode == 3, word
        assert why in done.stderr
        assert done.stderr.count("\n") == 1

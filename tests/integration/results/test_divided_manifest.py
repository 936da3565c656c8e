"""The list of very many artifacts stays beside them; the coordination repository has its digest."""

from __future__ import annotations

import json

from common.digests import file_sha256
from pipelines.artifacts.manifest import LIST, MOST_BYTES
from tests.conftest import Farm

NUMBER = 2300


def test_a_long_list_of_artifacts(farm: Farm) -> None:
    farm.pipeline(
        f"""
- name: makes
  run: mkdir out; cd out; for n in $(seq {NUMBER}); do echo $n > file-$n.txt; done
- {{uses: artifact-manifest, with: {{paths: ["out/*.txt"]}}}}
"""
    )
    job = farm.enqueue()
    done = farm.doit("build")
    assert done.returncode == 0, done.stdout + done.stderr
    [path] = [name for name in farm.files() if name.endswith(f"{job}-1-manifest.json")]
    text = farm.read(path)
    assert len(text) < MOST_BYTES // 100
    manifest = json.loads(text)
    assert (manifest["artifact_count"], manifest["list"]) == (NUMBER, LIST)
    of_job = farm.folder / "state/build1/jobs" / job
    assert manifest["artifacts"][0]["checksums"]["sha256"] == file_sha256(of_job / LIST)

    [shown] = json.loads(farm.doit("artifacts", "--json").stdout)
    assert shown["file_count"] == NUMBER
    target = farm.folder / "here"
    for _ in ("copied", "there already"):
        fetched = farm.doit("fetch", job, "-o", str(target), "--json")
        assert fetched.returncode == 0, fetched.stderr
        assert len(json.loads(fetched.stdout)["files"]) == NUMBER + 1
    assert (target / "file-2000.txt").read_text() == "2000\n"
    assert farm.doit("fsck").returncode == 0
    for place in (job, str(target)):
        assert f"{NUMBER + 1} files in" in farm.doit("verify", place).stdout
    assert farm.doit("compare", job, str(target)).returncode == 0

    (target / "file-7.txt").write_text("other\n")
    assert "file-7.txt: " in farm.doit("verify", str(target)).stdout
    (of_job / LIST).write_text('{"artifacts": []}')
    changed = farm.doit("verify", job)
    assert changed.returncode == 6
    assert f"{LIST}: " in changed.stdout
    refused = farm.doit("fetch", job, "-o", str(farm.folder / "no"))
    assert refused.returncode == 1
    assert LIST in refused.stderr

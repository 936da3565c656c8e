"""`doit artifacts` lists what jobs made, `doit artifacts-cleanup` removes what nobody needs."""

from __future__ import annotations

import json
import time

from tests.conftest import Farm


def listed(farm: Farm, *words: str) -> list[dict[str, object]]:
    done = farm.doit("artifacts", "--json", *words)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def test_what_jobs_made_and_where_it_is(farm: Farm) -> None:
    builder = farm.folder / "builder.yaml"
    builder.write_text(f"{builder.read_text()}destinations:\n  drop: {{folder: ./drop}}\n")
    farm.pipeline(
        """
        - {name: pack, run: cp hello made.txt}
        - {uses: artifact-manifest, with: {paths: [made.txt]}}
        - {uses: publish, with: {to: drop}}
        """
    )
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0
    [one] = listed(farm)
    assert (one["job"], one["file_count"], one["size_bytes"]) == (job, 1, 6)
    assert (one["here"], one["destinations"], one["grade"]) == (True, ["drop"], None)
    assert "here, drop" in farm.doit("artifacts").stdout
    assert listed(farm, "--branch", "other") == []
    assert listed(farm, "--limit", "1") == [one]
    assert farm.doit("artifacts", "--limit", "-1").returncode == 3


def test_only_what_nobody_needs_is_removed(farm: Farm) -> None:
    jobs = [farm.enqueue() for _ in range(3)]
    for _ in jobs:
        assert farm.doit("build").returncode == 0
        time.sleep(1.0)  # two successes in the same second share one tag
    tagged = farm.doit("artifacts-cleanup", "--keep", "1")
    assert tagged.stdout == "nothing to remove\n", "each has its tag"

    builder = farm.folder / "builder.yaml"
    builder.write_text(f"{builder.read_text()}keep_good_builds: 1\n")
    assert farm.doit("housekeeping").returncode == 0
    shown = json.loads(farm.doit("artifacts-cleanup", "--keep", "1", "--json").stdout)
    assert {entry["job"] for entry in shown["jobs"]} == set(jobs[:2])
    assert all(entry["here"] for entry in listed(farm)), "it only showed them"
    done = farm.doit("artifacts-cleanup", "--keep", "1", "--remove")
    assert done.returncode == 0
    assert "2 workspaces, " in done.stdout
    assert {entry["job"] for entry in listed(farm) if entry["here"]} == {jobs[2]}
    assert farm.doit("artifacts-cleanup").returncode == 3

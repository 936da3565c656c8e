"""`doit reproduce`: another builder makes the same bytes, or it is shown that it does not."""

from __future__ import annotations

import json

from tests.conftest import Farm
from tests.support.ssh_keys import make_key

STEPS = """
- name: first
  outputs: [made.txt]
  inputs: [hello]
  run: {script}
- {{uses: artifact-manifest, with: {{paths: [made.txt]}}}}
"""
OUTSIDE = "- {uses: ssh, with: {host: nowhere, command: [deploy]}}\n"
COPY = "echo ran >> $LEDGER; cp hello made.txt"
RANDOM = "cat /proc/sys/kernel/random/uuid > made.txt"


def built(farm: Farm, builder: str = "build1") -> None:
    done = farm.doit("build", builder=builder)
    assert done.returncode == 0, done.stdout + done.stderr


def reproduced(farm: Farm, job: str, *words: str) -> str:
    done = farm.doit("reproduce", job, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def status(farm: Farm, job: str) -> str:
    return farm.doit("status", job).stdout


def test_a_job_is_reproduced_from_scratch_on_another_builder(farm: Farm) -> None:
    keys = [make_key(farm.folder / name) for name in ("build1", "build2")]
    signers = farm.folder / "signers"
    signers.write_text("".join(f"build{n} {key}\n" for n, key in enumerate(keys, 1)))
    config = farm.folder / "builder.yaml"
    plain = config.read_text() + "allowed_signers: ./signers\n"
    config.write_text(plain + "signing_key: ./build1\n")
    farm.pipeline(STEPS.format(script=COPY))
    job = farm.enqueue()
    built(farm)
    alone = farm.doit("reproduce", job)
    assert alone.returncode == 3
    assert "no builder but build1 is alive. Name one with --on" in alone.stderr

    farm.pipeline(STEPS.format(script=COPY) + OUTSIDE)
    config.write_text(plain + "signing_key: ./build2\n")
    second = reproduced(farm, job, "--on", "build2")
    assert "makes the artifacts of job" in status(farm, second)
    built(farm, "build2")
    assert f"reproduced by build2 ({second}), signed by both" in status(farm, job)
    assert "changes another host, and this job only reproduces another" in status(farm, second)
    [good] = json.loads(farm.doit("good-builds", "--json").stdout)
    assert good["job"] == job, "a reproduction is no good build"

    third = reproduced(farm, job, "--on", "build1")
    built(farm)
    assert farm.ledger.read_text() == "ran\n" * 3, "nothing of the first build is reused"
    told = json.loads(farm.doit("status", job, "--json").stdout)["reproduced"]
    assert [(one["job"], one["agrees"], one["signed"]) for one in told] == [
        (second, True, True),
        (third, True, False),
    ]
    listed = {one["job"]: one for one in json.loads(farm.doit("artifacts", "--json").stdout)}
    assert [one["builder"] for one in listed[job]["reproduced"]] == ["build2", "build1"]
    page = farm.folder / "page"
    assert farm.doit("page", "--out", str(page)).returncode == 0
    assert f"reproduced by build2 ({second})" in (page / "jobs" / f"{job}.html").read_text()


def test_what_differs_is_named_and_without_a_choice_another_builder_gets_the_job(
    farm: Farm,
) -> None:
    farm.pipeline(STEPS.format(script=RANDOM))
    other = farm.enqueue()
    built(farm, "build2")
    job = farm.enqueue()
    built(farm)
    again = json.loads(farm.doit("reproduce", job, "--json").stdout)
    assert (again["wanted_builder"], again["reproduces"]) == ("build2", job)
    built(farm, "build2")
    assert f"not reproduced by build2 ({again['id']}): made.txt differs" in status(farm, job)
    assert "reproduced" not in status(farm, other)
    for words, why in (
        (["nothing"], "unknown job"),
        ([], "expected the id of one job"),
        ([job, "--on", "../x"], "invalid builder id"),
        ([farm.enqueue()], "has no artifacts: its state is queued"),
    ):
        refused = farm.doit("reproduce", *words)
        assert (refused.returncode, why in refused.stderr) == (3, True), refused.stderr
        assert refused.stderr.count("\n") == 1

"""A builder that requires signed jobs runs what known people queued, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from coordination_tasks.build.ports import Pipelines
from coordination_tasks.builder.config.builder import read_builder_config
from coordination_tasks.domain.model import Job
from coordination_tasks.farm.signed_jobs import is_signed
from coordination_tasks.wiring.triggers import _signer
from tests.conftest import Farm
from tests.support.ssh_keys import make_key


@pytest.fixture
def strict(farm: Farm) -> Farm:
    """A builder that knows Ann's key, and signs with it what is queued here."""
    ann, stranger = (make_key(farm.folder / name) for name in ("ann", "stranger"))
    assert ann != stranger
    (farm.folder / "signers").write_text(f"ann {ann}\n")
    config = farm.folder / "builder.yaml"
    config.write_text(
        f"{config.read_text()}allowed_signers: ./signers\nrequire_signed_jobs: true\n"
        "signing_key: ./ann\n"
    )
    return farm


def signs_with(farm: Farm, key: str | None) -> None:
    config = farm.folder / "builder.yaml"
    kept = [line for line in config.read_text().splitlines() if not line.startswith("signing_key")]
    config.write_text("\n".join([*kept, *([f"signing_key: ./{key}"] if key else [])]) + "\n")


def rewritten(farm: Farm, job: str, **members: Any) -> None:
    """A pusher changes the queue without any command of ours."""
    queue = json.loads(farm.read("coordination/jobs.json"))
    [entry] = [entry for entry in queue["jobs"] if entry["id"] == job]
    entry.update(members)
    farm.write("coordination/jobs.json", json.dumps(queue, indent=2))


def refused(farm: Farm, job: str, why: str) -> None:
    """The job is not run; every command that looks says why."""
    done = farm.doit("build")
    assert done.returncode == 4, done.stdout + done.stderr
    assert why in done.stdout + done.stderr
    assert why in farm.doit("explain", job).stdout
    found = farm.doit("fsck")
    assert found.returncode == 6
    assert f"queued job {job}: " in found.stdout
    named = farm.doit("build", job)
    assert why in named.stdout + named.stderr
    assert farm.job(job)["status"] == "queued"
    assert farm.ran() == []
    assert farm.doit("cancel", job).returncode == 0


def test_jobs_that_nobody_known_signed_are_not_run(strict: Farm) -> None:
    signs_with(strict, None)
    job = strict.enqueue()
    checks = json.loads(strict.doit("doctor", "--json").stdout)
    said = next(check for check in checks if check["check"] == "signed jobs")
    assert said["found"] == "required; 1 of 1 queued jobs are refused"
    refused(strict, job, "it is not signed, and this builder runs signed jobs only")

    signs_with(strict, "stranger")
    refused(strict, strict.enqueue(), "it is signed by an unknown key, SHA256:")


def test_a_signature_is_for_one_request(strict: Farm) -> None:
    job = strict.enqueue()
    signature = strict.job(job)["signature"]
    for members in ({"commit": "0" * 40}, {"branch": "other"}, {"params": {"a": "b"}}):
        before = {name: strict.job(job)[name] for name in members}
        rewritten(strict, job, **members)
        done = strict.doit("build")
        assert done.returncode == 4
        assert "the signature is not one of this content" in done.stdout + done.stderr
        rewritten(strict, job, **before)
    signs_with(strict, None)
    other = strict.enqueue("--priority", "1", "--commit", strict.commit)
    assert strict.doit("set", job, "--hold").returncode == 0
    rewritten(strict, other, signature=signature)
    refused(strict, other, "the signature is not one of this content")

    assert strict.doit("set", job, "--unhold", "--priority", "2").returncode == 0
    done = strict.doit("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert strict.ran() == ["first", "second", "third"]


def test_a_signed_job_names_its_commit_and_keeps_its_signature(strict: Farm) -> None:
    job = strict.enqueue()
    assert strict.job(job)["commit"] == strict.commit
    strict.pipeline("\n- {name: fails, run: exit 3}\n")
    assert strict.doit("build").returncode == 1
    strict.pipeline("\n- {name: passes, run: 'true'}\n")
    assert strict.doit("retry", job, "--replan").returncode == 0
    assert strict.doit("fsck").returncode == 0
    assert strict.doit("build").returncode == 0


def test_signed_jobs_need_a_file_of_keys(farm: Farm) -> None:
    config = farm.folder / "builder.yaml"
    config.write_text(f"{config.read_text()}require_signed_jobs: true\n")
    done = farm.doit("build")
    assert done.returncode == 3
    assert "require_signed_jobs needs allowed_signers" in done.stderr


def test_what_a_builder_triggers_is_signed_as_far_as_it_rests_on_signatures(strict: Farm) -> None:
    config = read_builder_config(strict.folder, {"BUILDER_CONFIG": f"{strict.folder}/builder.yaml"})
    asked: list[str] = []

    def branch_commit(*words: str) -> str:
        asked.extend(words)
        return "c" * 40

    signed = _signer(config, cast("Pipelines", SimpleNamespace(branch_commit=branch_commit)))

    nightly = signed(Job(id="nightly", pipeline="ledger", branch="main"), None)
    assert (is_signed(config, nightly), nightly.commit, asked) == (
        True,
        "c" * 40,
        ["ledger", "main"],
    )
    follows = Job(id="next", pipeline="ledger", commit="c" * 40)
    assert is_signed(config, signed(follows, nightly))
    assert not is_signed(config, signed(follows, replace(nightly, commit="d" * 40)))
    unsigned = replace(nightly, signature="")
    assert signed(follows, unsigned) == follows

"""A build that prints a token: its record goes out without it, and lies without it on the disk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from common.states import State
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.plans import plan_digest
from tests.support.coordination.fake_secrets import GITHUB, KEY, PASSWORD, TOKENS, word
from tests.support.coordination.world import NOON, World, began, claim, ended, job

DECLARED = "correct horse\nbattery staple"


def test_an_excerpt_with_a_token_goes_out_without_it(world: World, tmp_path: Path) -> None:
    store = world.store()
    store.enqueue(job())
    attempt = claim(store)
    manifest = json.dumps(
        {"job_id": "job_1", "artifacts": [], "hint": f"run with {GITHUB}"}
    ).encode()
    details = {
        "excerpt": f"[ERROR] 401\nAuthorization: {GITHUB}\n[ERROR] see {DECLARED}",
        "code": "MAVEN_FAILED",
        "outputs": ["a.deb", f"{KEY}"],
        "pass" + "word": word(14),
        "commit": "5c8a96d7b1e04f6a9d2c3b4a5968778695a4b3c2",
    }
    failed = replace(
        ended(attempt, "maven"),
        to_state=State.FAILED,
        reason=f"exit 1: {PASSWORD}",
        details=details,
    )
    with Outbox(tmp_path / "outbox.sqlite", clock=lambda: NOON) as outbox:
        outbox.hide([DECLARED])
        outbox.submit_transitions(attempt, [began(attempt, "maven"), failed])
        done = Completion(state=State.FAILED, reason=f"step maven: {PASSWORD}", manifest=manifest)
        outbox.submit_completion(attempt, done)
        on_disk = b"".join(path.read_bytes() for path in tmp_path.glob("outbox.sqlite*"))
        report = outbox.flush(store)

    assert (report.sent, report.refused) == (2, ())
    for text in (GITHUB, DECLARED, PASSWORD, details["pass" + "word"], KEY.split("\n")[1]):
        assert str(text).encode() not in on_disk
    recorded = store.transitions("job_1")[2]
    assert recorded.reason == "[withheld: Secret Keyword]"
    assert recorded.details["excerpt"] == "[ERROR] 401\n[withheld: GitHub Token]\n[ERROR] see ***"
    assert recorded.details["commit"] == details["commit"]
    assert recorded.details["code"] == "MAVEN_FAILED"
    assert recorded.details["pass" + "word"] == "[withheld: Secret Keyword]"
    kept = store.snapshot().manifest("build1", "job_1", 1)
    assert kept is not None
    assert json.loads(kept)["hint"] == "[withheld: GitHub Token]"


def test_credentials_in_an_address_are_masked_but_not_in_a_plan(
    world: World, tmp_path: Path
) -> None:
    store = world.store()
    store.enqueue(job())
    attempt = claim(store)
    address = f"https://{word(8)}@example.org/x.git"
    failed = replace(
        ended(attempt, "maven"),
        reason=f"cannot read {address}",
        log=f"/logs/{DECLARED}.log",
        details={"excerpt": f"fatal: {address}: 401 with battery staple"},
    )
    plan = json.dumps({"run": f"git clone {address}"}).encode()
    with Outbox(tmp_path / "outbox.sqlite", clock=lambda: NOON) as outbox:
        outbox.hide([f"{DECLARED}\n"])
        outbox.submit_transitions(attempt, [began(attempt, "maven"), failed], plan)
        outbox.flush(store)

    assert store.snapshot().plan(plan_digest(plan)) == plan
    recorded = store.transitions("job_1")[2]
    masked = "https://***@example.org/x.git"
    assert recorded.reason == f"cannot read {masked}"
    assert recorded.log == "/logs/***.log"
    assert recorded.details["excerpt"] == f"fatal: {masked}: 401 with ***"


def test_a_manifest_without_secrets_stays_byte_for_byte(world: World, tmp_path: Path) -> None:
    store = world.store()
    store.enqueue(job())
    attempt = claim(store)
    manifest = b'{"artifacts":[{"name":"a.deb","checksums":{"sha256":"' + b"9f86d081" * 8 + b'"}}]}'
    with Outbox(tmp_path / "outbox.sqlite", clock=lambda: NOON) as outbox:
        outbox.submit_completion(attempt, Completion(state=State.SUCCEEDED, manifest=manifest))
        outbox.flush(store)

    assert store.snapshot().manifest("build1", "job_1", 1) == manifest


def test_a_secret_that_json_writes_in_another_way_is_masked_in_a_manifest(
    world: World, tmp_path: Path
) -> None:
    store = world.store()
    store.enqueue(job())
    attempt = claim(store)
    secret = 'pass"wörd'
    manifest = json.dumps({"artifacts": [], "note": f"<{secret}>"}).encode()
    with Outbox(tmp_path / "outbox.sqlite", clock=lambda: NOON) as outbox:
        outbox.hide([secret])
        outbox.submit_completion(attempt, Completion(state=State.SUCCEEDED, manifest=manifest))
        outbox.flush(store)

    kept = store.snapshot().manifest("build1", "job_1", 1)
    assert kept is not None
    assert json.loads(kept)["note"] == "<***>"


@pytest.mark.parametrize("rule", TOKENS)
def test_no_kind_of_token_blocks_the_outbox(remote_world: World, tmp_path: Path, rule: str) -> None:
    """The repository's own scan is the judge: it refuses what it finds."""
    store = remote_world.store()
    store.enqueue(job())
    attempt = claim(store)
    details = {"excerpt": f"said: {TOKENS[rule]}", TOKENS[rule]: "x", "list": [{"a": TOKENS[rule]}]}
    failed = replace(ended(attempt, "maven"), reason=TOKENS[rule], details=details)
    with Outbox(tmp_path / "outbox.sqlite", clock=lambda: NOON) as outbox:
        outbox.submit_transitions(attempt, [began(attempt, "maven"), failed])
        report = outbox.flush(store)

    assert (report.sent, report.refused) == (1, ())
    assert [t.step for t in store.transitions("job_1")] == [None, "maven", "maven"]

"""Nothing secret gets in: what is taken for a secret, what is not, and where it is stopped."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import run

import pytest
from detect_secrets.plugins.keyword import DENYLIST
from hypothesis import given, settings
from hypothesis import strategies as st

from coordination_tasks.domain.errors import SecretFound
from coordination_tasks.domain.secret_contexts import may_have_context
from coordination_tasks.domain.secret_scan import (
    KEYWORDS,
    TRACES,
    Finding,
    all_patterns,
    findings,
    refuse_secrets,
    withhold,
)
from tests.support.coordination.fake_secrets import GITHUB, KEY, TOKENS
from tests.support.coordination.world import World, claim, git, job


@pytest.mark.parametrize("rule", TOKENS)
def test_each_kind_is_found_and_not_told(rule: str) -> None:
    text = f"first\nnow {TOKENS[rule]}"

    assert next(findings(text)) == Finding(2, rule)
    with pytest.raises(SecretFound) as told:
        refuse_secrets("the body", text)
    assert f"the body, line 2, looks like a secret ({rule})" in str(told.value)
    assert TOKENS[rule] not in str(told.value)


@settings(max_examples=10)
@given(st.data())
def test_what_a_plugin_finds_has_a_trace_by_which_it_is_asked(data: st.DataObject) -> None:
    for pattern in all_patterns():
        assert TRACES.search(data.draw(st.from_regex(pattern))), pattern
    for word in DENYLIST:
        text = data.draw(st.from_regex(word))
        assert KEYWORDS.search(text), word
        assert may_have_context(text.casefold()), word


@pytest.mark.parametrize(
    "text",
    [
        "commit 5c8a96d7b1e04f6a9d2c3b4a5968778695a4b3c2",
        '"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",',
        '"md5": "d41d8cd98f00b204e9800998ecf8427e",',
        "cloudstack-common_4.21.0.0~git20251029T120000.5c8a96d_all.deb",
        "maven-surefire-plugin:3.5.2:test (default-test) @ cloud-api",
        "[ERROR] Failed to execute goal org.apache.maven.plugins:maven-compiler-plugin:3.13.0",
        '{"id": "0b1e2f3a4c5d6e7f8091a2b3c4d5e6f7", "token": 3, "attempt": 1}',
        "job_1761739200_0042 on build1 at 2025-10-29T12:00:00Z",
        "550e8400-e29b-41d4-a716-446655440000",
        "git@github.com:apache/cloudstack.git and https://example.org/x.git",
        "password=${env.DB_PASSWORD}",
        "password=***",
        "[WARNING] Parameter password: type mismatch",
        "if (password == null) {",
        "com.example.PasswordEncoder: ok",
        "/var/lib/build-coordination/build1/jobs/job_1/attempt-1/logs/maven.log",
        "APACHE2LICENSE and SUCCESSFULLY_BUILT",
        "",
    ],
)
def test_what_builds_are_full_of_is_no_secret(text: str) -> None:
    assert list(findings(text)) == []


def test_a_line_is_withheld_and_the_others_stay() -> None:
    assert withhold(f"a\nuse {GITHUB} now\nb") == "a\n[withheld: GitHub Token]\nb"


def test_a_private_key_is_withheld_to_its_end() -> None:
    note = "[withheld: Private Key]"
    assert withhold(f"a\n{KEY}\nb").split("\n") == ["a", note, note, note, note, "b"]


def test_a_write_with_a_secret_is_stopped_and_names_its_place(remote_world: World) -> None:
    user = remote_world.user()
    with pytest.raises(SecretFound, match=r"a/b\.txt:2 looks like a secret \(GitHub Token\)"):
        user.push_if_unchanged(user.fetch(), {"a/b.txt": f"x\n{GITHUB}".encode()}, "m")
    with pytest.raises(SecretFound, match="commit message:1"):
        user.push_if_unchanged(user.fetch(), {"a": b"x"}, f"by {GITHUB}")
    remote_world.write("a", "x")
    user.fetch()
    with pytest.raises(SecretFound):
        user.leave_note("build1", GITHUB.encode())


def test_what_others_let_in_does_not_hinder_our_writes(
    remote_world: World, remote: Path, tmp_path: Path
) -> None:
    store = remote_world.store()
    store.enqueue(job("job_1"))
    work = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", str(remote), str(work))
    queue = work / "coordination" / "jobs.json"
    queue.write_text(queue.read_text().replace('"metadata"', f'"note": "{GITHUB}", "metadata"'))
    git(work, "commit", "--quiet", "--all", "-m", "by hand")
    git(work, "push", "--quiet", "origin", "main")

    assert claim(store).job.id == "job_1"
    assert GITHUB in remote_world.text("coordination/jobs.json")


def test_a_job_with_a_secret_is_refused(world: World) -> None:
    store = world.store()

    with pytest.raises(
        SecretFound, match=r"the request for job job_1, line 1.*nothing was written"
    ):
        store.enqueue(job(description=f"use {GITHUB}"))

    assert store.jobs() == ()


def test_who_only_reads_does_not_wait_for_the_scanner() -> None:
    code = (
        "import sys, coordination_tasks.commands.base, coordination_tasks.commands.jobs.build\n"
        "assert not any(name.startswith('detect_secrets') for name in sys.modules)"
    )
    run([sys.executable, "-c", code], check=True)

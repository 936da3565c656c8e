from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.domain.errors import BadValue
from pipelines.domain.validation import check_branch, check_commit, check_job_id, shown

HOSTILE = [
    "--upload-pack=touch /tmp/x",
    "-u",
    "../../etc/passwd",
    "a/../b",
    "a b",
    "a\\b",
    "a*",
    "a?",
    "a[b",
    "a~1",
    "a^",
    "a:b c",
    "a\nb",
    "a\x00b",
    "a\x1b[31m",
    "a\udcffb",
    "x" * 10_000,
    "",
]
TO_A_SHELL = ["x;id", "$(id)", "`id`", "a|b", "a&b", "a>b", "a'b", 'a"b', "a\u202eb"]
NO_BRANCHES = [
    *["@{-1}", "a@{b", "HEAD", "@", "a:b", "a~b", "a\x7fb"],
    *["x.lock", "x.lock/y", "x.", "x/", "/x", "x//y", ".x", "y/.x"],
]


@pytest.mark.parametrize(
    "text",
    [*HOSTILE, *NO_BRANCHES],
)
def test_hostile_branches_are_refused(text: str) -> None:
    with pytest.raises(BadValue):
        check_branch(text)


@pytest.mark.parametrize(
    "text",
    [
        "main",
        "4.20",
        "ExternalNew",
        "feature/fix#12",
        "user@host/x",
        "deadbeef",
        "20251029",
        "größe",
        *["feat(x)-y", "fix/it's", "R&D", "feat!", "a{b", "release/1.0$", "DEV_HEAD", "x/HEAD"],
        *[*TO_A_SHELL, "refs/heads/x", "0" * 40, "a./b", "a%b", "FETCH_HEAD"],
    ],
)
def test_usual_branches_pass(text: str) -> None:
    assert check_branch(text) == text


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="aA./-@{}lockHED~ \\^:?*[]()'&!$;\x7f", max_size=8))
def test_what_passes_is_what_git_allows(text: str) -> None:
    try:
        passes = check_branch(text) == text
    except BadValue:
        passes = False
    git = ["git", "check-ref-format", "--branch", text]
    result = subprocess.run(git, capture_output=True, text=True, check=False, cwd="/")
    # `@` is how git abbreviates HEAD
    assert passes == (result.returncode == 0 and text != "@")


@pytest.mark.parametrize(
    "text", [*HOSTILE, *TO_A_SHELL, "abc1234", "g" * 40, "0" * 41, "main", "0" * 39 + "\n"]
)
def test_hostile_commits_are_refused(text: str) -> None:
    with pytest.raises(BadValue):
        check_commit(text)


def test_full_object_ids_pass_in_small_letters() -> None:
    assert check_commit("AB" * 20) == "ab" * 20
    assert check_commit("0f" * 32) == "0f" * 32


@pytest.mark.parametrize("text", [*HOSTILE, *TO_A_SHELL, "a/b", "."])
def test_hostile_job_ids_are_refused(text: str) -> None:
    with pytest.raises(BadValue):
        check_job_id(text)


@pytest.mark.parametrize("text", ["job_1761739200_1234", "build-main-2025-10-29T12:00:00Z", "7"])
def test_usual_job_ids_pass(text: str) -> None:
    assert check_job_id(text) == text


def test_the_message_is_one_short_line() -> None:
    with pytest.raises(BadValue) as caught:
        check_branch("x\n\x1b" * 5000)
    assert str(caught.value) == (f"invalid branch '{'x??' * 19}...': longer than 250 characters")


@given(st.text(max_size=100))
def test_shown_is_printable_and_short(text: str) -> None:
    assert len(shown(text)) <= 60
    assert shown(text).isprintable()
    assert Path(shown("a" * 60)).name == "a" * 60

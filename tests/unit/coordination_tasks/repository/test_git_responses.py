"""What git's answers mean: a table of real ones."""

from __future__ import annotations

import pytest

from coordination_tasks.repository.git.process import GitResult
from coordination_tasks.repository.git.responses import (
    Verdict,
    judge_fetch,
    judge_push,
    never_left,
    why,
)

TO = "To /srv/coordination.git\n"


def porcelain(line: str) -> str:
    return f"{TO}{line}\nDone\n"


@pytest.mark.parametrize(
    ("code", "output", "errors", "verdict"),
    [
        (0, porcelain(" \t1a:refs/heads/main\t1a2b..3c4d"), "", Verdict.DONE),
        (0, porcelain("*\t1a:refs/heads/main\t[new branch]"), "", Verdict.DONE),
        (0, porcelain("=\t1a:refs/heads/main\t[up to date]"), "", Verdict.DONE),
        (1, porcelain("!\t1a:refs/heads/main\t[rejected] (stale info)"), "", Verdict.MOVED),
        (1, porcelain("!\t1a:refs/heads/main\t[rejected] (fetch first)"), "", Verdict.MOVED),
        (
            1,
            porcelain("!\t1a:refs/heads/main\t[remote rejected] (failed to update ref)"),
            "remote: error: cannot lock ref 'refs/heads/main': is at 1 but expected 2",
            Verdict.MOVED,
        ),
        (
            1,
            porcelain("!\t1a:refs/heads/main\t[remote rejected] (incorrect old value provided)"),
            "",
            Verdict.MOVED,
        ),
        (
            1,
            porcelain("!\t1a:refs/heads/main\t[remote rejected] (pre-receive hook declined)"),
            "remote: no secrets please",
            Verdict.REFUSED,
        ),
        (
            1,
            porcelain("!\t1a:refs/heads/main\t[remote rejected] (unpacker error)"),
            "remote: fatal: write error: No space left on device",
            Verdict.REFUSED,
        ),
        (None, "", "", Verdict.NO_ANSWER),
        (-9, "", "", Verdict.NO_ANSWER),
        (128, "", "fatal: Could not read from remote repository.", Verdict.NO_ANSWER),
        (128, "", "fatal: the remote end hung up unexpectedly", Verdict.NO_ANSWER),
        (128, "", "fatal: '/srv/x' does not appear to be a git repository", Verdict.NO_ANSWER),
        (
            128,
            "",
            "ann@host: Permission denied (publickey).\n"
            "fatal: Could not read from remote repository.",
            Verdict.DENIED,
        ),
        (128, "", "fatal: Authentication failed for 'https://host/x.git/'", Verdict.DENIED),
        (
            128,
            "",
            "fatal: unable to access 'https://host/': The requested URL returned error: 403",
            Verdict.DENIED,
        ),
        (128, "", "fatal: loose object 1a (stored in ./x) is corrupt", Verdict.LOCAL),
        (128, "", "fatal: bad object 1a", Verdict.LOCAL),
    ],
)
def test_a_push(code: int | None, output: str, errors: str, verdict: Verdict) -> None:
    assert judge_push(GitResult(code, output, errors)) is verdict


@pytest.mark.parametrize(
    ("code", "errors", "verdict"),
    [
        (0, "", Verdict.DONE),
        (128, "fatal: couldn't find remote ref refs/heads/main", Verdict.ABSENT),
        (1, " ! [rejected]  main -> x  (non-fast-forward)", Verdict.REWRITTEN),
        (128, "fatal: unable to connect to host:\nConnection refused", Verdict.NO_ANSWER),
        (128, "ssh: Could not resolve hostname x: Name or service not known", Verdict.NO_ANSWER),
        (1, "error: cannot lock ref 'x': Unable to create 'x.lock': File exists.", Verdict.LOCAL),
        (None, "", Verdict.NO_ANSWER),
    ],
)
def test_a_fetch(code: int | None, errors: str, verdict: Verdict) -> None:
    assert judge_fetch(GitResult(code, "", errors)) is verdict


def test_the_hooks_own_words_are_told() -> None:
    refused = "!\t1a:refs/heads/main\t[remote rejected] (pre-receive hook declined)"
    result = GitResult(
        1, porcelain(refused), f"remote: no secrets please\n{TO}error: failed to push some refs"
    )

    assert why(result) == (
        "remote: no secrets please | [remote rejected] (pre-receive hook declined)"
    )
    assert why(GitResult(None, "", "")) == "git got no answer in time"


@pytest.mark.parametrize(
    ("code", "errors", "expected"),
    [
        (128, "fatal: unable to connect to 127.0.0.1: Connection refused", True),
        (128, "ssh: Could not resolve hostname farm: Name or service not known", True),
        (128, "fatal: '/srv/x.git' does not appear to be a git repository", True),
        (128, "fatal: the remote end hung up unexpectedly", False),
        (None, "Connection refused", False),
    ],
)
def test_a_push_that_never_left(code: int | None, errors: str, expected: bool) -> None:
    assert never_left(GitResult(code, "", errors)) is expected

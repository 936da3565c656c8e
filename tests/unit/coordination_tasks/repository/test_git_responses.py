"""What git's answers mean: a table of real ones."""

from __future__ import annotations

import pytest

from coordination_tasks.repository.git.process import GitResult
from coordination_tasks.repository.git.responses import (
    Response,
    fetch_response,
    never_left,
    push_response,
    why,
)

TO = "To /srv/coordination.git\n"


def porcelain(line: str) -> str:
    return f"{TO}{line}\nDone\n"


@pytest.mark.parametrize(
    ("code", "output", "errors", "response"),
    [
        (0, porcelain(" \t1a:refs/heads/main\t1a2b..3c4d"), "", Response.DONE),
        (0, porcelain("*\t1a:refs/heads/main\t[new branch]"), "", Response.DONE),
        (0, porcelain("=\t1a:refs/heads/main\t[up to date]"), "", Response.DONE),
        (1, porcelain("!\t1a:refs/heads/main\t[rejected] (stale info)"), "", Response.MOVED),
        (1, porcelain("!\t1a:refs/heads/main\t[rejected] (fetch first)"), "", Response.MOVED),
        (
            1,
            porcelain("!\t1a:refs/heads/main\t[remote rejected] (failed to update ref)"),
            "remote: error: cannot lock ref 'refs/heads/main': is at 1 but expected 2",
            Response.MOVED,
        ),
        (
            1,
            porcelain("!\t1a:refs/heads/main\t[remote rejected] (incorrect old value provided)"),
            "",
            Response.MOVED,
        ),
        # git 2.55: another push held the branch's lock; a branch is a folder of this name
        (
            1,
            porcelain("!\t1a:refs/heads/main\t[remote rejected] (reference already exists)"),
            "",
            Response.MOVED,
        ),
        (
            1,
            porcelain("!\t1a:refs/heads/main/x\t[remote rejected] (refname conflict)"),
            "",
            Response.REFUSED,
        ),
        (
            1,
            porcelain("!\t1a:refs/heads/main\t[remote rejected] (pre-receive hook declined)"),
            "remote: no secrets please",
            Response.REFUSED,
        ),
        (
            1,
            porcelain("!\t1a:refs/heads/main\t[remote rejected] (unpacker error)"),
            "remote: fatal: write error: No space left on device",
            Response.REFUSED,
        ),
        (
            1,
            porcelain("!\t1a:refs/heads/main\t[remote rejected] (unpacker error)"),
            "error: remote unpack failed: unpack-objects abnormal exit",
            Response.NO_ANSWER,
        ),
        (128, "", "error: pack-objects died of signal 15", Response.NO_ANSWER),
        (None, "", "", Response.NO_ANSWER),
        (-9, "", "", Response.NO_ANSWER),
        (128, "", "fatal: Could not read from remote repository.", Response.NO_ANSWER),
        (128, "", "fatal: the remote end hung up unexpectedly", Response.NO_ANSWER),
        (128, "", "fatal: '/srv/x' does not appear to be a git repository", Response.NO_ANSWER),
        (
            128,
            "",
            "ann@host: Permission denied (publickey).\n"
            "fatal: Could not read from remote repository.",
            Response.DENIED,
        ),
        (128, "", "fatal: Authentication failed for 'https://host/x.git/'", Response.DENIED),
        (
            128,
            "",
            "fatal: unable to access 'https://host/': The requested URL returned error: 403",
            Response.DENIED,
        ),
        (128, "", "fatal: loose object 1a (stored in ./x) is corrupt", Response.LOCAL),
        (128, "", "fatal: bad object 1a", Response.LOCAL),
    ],
)
def test_a_push(code: int | None, output: str, errors: str, response: Response) -> None:
    assert push_response(GitResult(code, output, errors)) is response


@pytest.mark.parametrize(
    ("code", "errors", "response"),
    [
        (0, "", Response.DONE),
        (128, "fatal: couldn't find remote ref refs/heads/main", Response.ABSENT),
        (1, " ! [rejected]  main -> x  (non-fast-forward)", Response.REWRITTEN),
        (128, "fatal: unable to connect to host:\nConnection refused", Response.NO_ANSWER),
        (128, "ssh: Could not resolve hostname x: Name or service not known", Response.NO_ANSWER),
        (1, "error: cannot lock ref 'x': Unable to create 'x.lock': File exists.", Response.LOCAL),
        (128, "error: index-pack died of signal 9", Response.NO_ANSWER),
        (None, "", Response.NO_ANSWER),
    ],
)
def test_a_fetch(code: int | None, errors: str, response: Response) -> None:
    assert fetch_response(GitResult(code, "", errors)) is response


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

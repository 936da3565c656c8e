"""Checks of values that come from a job: branch, commit, id. Pure.

Whoever can write to the queue chooses them, and they become git arguments and file names.
Each check returns the value or raises BadValue.
"""

from __future__ import annotations

import re

from pipelines.domain.errors import BadValue

MAX_BRANCH_LENGTH = 200
MAX_JOB_ID_LENGTH = 200
_MAX_SHOWN = 60

_COMMIT = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_JOB_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:+@=,-]*")
_BRANCH_CHARACTERS = re.compile(r"[\w./+@#=,%-]+")
_BRANCH_PITFALLS = (
    (re.compile(r"-"), "it must not start with '-'"),
    (re.compile(r"(.*/)?\."), "no part of it may start with a dot"),
    (re.compile(r".*\.\."), "it must not contain '..'"),
    (re.compile(r"/|.*//|.*/$"), "it must not have an empty part"),
    (re.compile(r".*\.(/|$)"), "no part of it may end with a dot"),
    (re.compile(r".*\.lock(/|$)"), "no part of it may end with .lock"),
    (re.compile(r"(@|HEAD|[A-Z]+_HEAD)$"), "git reserves this name"),
    (re.compile(r"refs/"), "give the name after refs/heads/ only"),
    (re.compile(f"({_COMMIT.pattern})$"), "it is an object id; pass it as the commit"),
)
"""What git itself rejects (git-check-ref-format), and names with another meaning for git."""


def check_branch(text: str) -> str:
    """`text` as the short name of a branch, like `4.20` or `feature/x`."""
    if not text:
        raise BadValue("expected a branch, found empty text")
    if len(text) > MAX_BRANCH_LENGTH:
        raise _bad("branch", text, f"longer than {MAX_BRANCH_LENGTH} characters")
    if not _BRANCH_CHARACTERS.fullmatch(text):
        raise _bad("branch", text, "only letters, digits and . / _ + @ # = , % - are allowed")
    for pitfall, why in _BRANCH_PITFALLS:
        if pitfall.match(text):
            raise _bad("branch", text, why)
    return text


def check_commit(text: str) -> str:
    """`text` as a full object id in lower case."""
    if not _COMMIT.fullmatch(text):
        raise _bad("commit", text, "expected all 40 (or 64) hexadecimal digits")
    return text.lower()


def check_job_id(text: str) -> str:
    """`text` as the id of a job that can be built here."""
    if len(text) > MAX_JOB_ID_LENGTH:
        raise _bad("job id", text, f"longer than {MAX_JOB_ID_LENGTH} characters")
    if not _JOB_ID.fullmatch(text) or ".." in text:
        raise _bad("job id", text, "only letters, digits and . _ : + @ = , - are allowed")
    return text


def shown(text: str) -> str:
    """`text` for a message: printable, one line, at most 60 characters."""
    printable = "".join(c if c.isprintable() else "?" for c in text[: _MAX_SHOWN + 1])
    return printable if len(printable) <= _MAX_SHOWN else f"{printable[: _MAX_SHOWN - 3]}..."


def _bad(what: str, text: str, why: str) -> BadValue:
    return BadValue(f"invalid {what} '{shown(text)}': {why}")

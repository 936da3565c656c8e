"""Checks of values that come from a job: branch, commit, id. Pure.

Whoever may write to the queue chooses them, and they become arguments of git and names of files.
Each check gives the value back or raises BadValue.
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
    (re.compile(r"-"), "it begins with -"),
    (re.compile(r"(.*/)?\."), "a part of it begins with a dot"),
    (re.compile(r".*\.\."), "it has two dots in a row"),
    (re.compile(r"/|.*//|.*/$"), "it has an empty part"),
    (re.compile(r".*\.(/|$)"), "a part of it ends with a dot"),
    (re.compile(r".*\.lock(/|$)"), "a part of it ends with .lock"),
    (re.compile(r"(@|HEAD|[A-Z]+_HEAD)$"), "it is one of git's own names"),
    (re.compile(r"refs/"), "it begins with refs/: give the name after refs/heads/"),
    (re.compile(f"({_COMMIT.pattern})$"), "it is an object id: give it as the commit"),
)
"""What git itself refuses (git-check-ref-format), and names that mean something else to git."""


def check_branch(text: str) -> str:
    """`text` as the short name of a branch, like `4.20` or `feature/x`."""
    if not text:
        raise BadValue("the branch is empty")
    if len(text) > MAX_BRANCH_LENGTH:
        raise _bad("branch", text, f"it is longer than {MAX_BRANCH_LENGTH} characters")
    if not _BRANCH_CHARACTERS.fullmatch(text):
        raise _bad("branch", text, "a branch has letters, digits and . / _ + @ # = , % - only")
    for pitfall, why in _BRANCH_PITFALLS:
        if pitfall.match(text):
            raise _bad("branch", text, why)
    return text


def check_commit(text: str) -> str:
    """`text` as a full object id, in small letters."""
    if not _COMMIT.fullmatch(text):
        raise _bad("commit", text, "a commit is given by its 40 (or 64) hexadecimal digits")
    return text.lower()


def check_job_id(text: str) -> str:
    """`text` as the id of a job that can be built here."""
    if len(text) > MAX_JOB_ID_LENGTH:
        raise _bad("job id", text, f"it is longer than {MAX_JOB_ID_LENGTH} characters")
    if not _JOB_ID.fullmatch(text) or ".." in text:
        raise _bad("job id", text, "a job id has letters, digits and . _ : + @ = , - only")
    return text


def shown(text: str) -> str:
    """`text` for a message: printable, in one line, at most 60 characters."""
    printable = "".join(c if c.isprintable() else "?" for c in text[: _MAX_SHOWN + 1])
    return printable if len(printable) <= _MAX_SHOWN else f"{printable[: _MAX_SHOWN - 3]}..."


def _bad(what: str, text: str, why: str) -> BadValue:
    return BadValue(f"'{shown(text)}' can't be a {what}: {why}")

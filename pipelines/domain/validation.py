"""Checks of values that come from a job: branch, commit, id. Pure.

Whoever can write to the queue chooses them, and they become git arguments and file names.
Each check returns the value or raises BadValue.
"""

from __future__ import annotations

import re

from common.job_id import problem_of_job_id
from pipelines.domain.errors import BadValue
from pipelines.domain.pipeline import Pipeline

PLACEHOLDER = "SET-THE-REPOSITORY"
"""The repository of a pipeline that was just made from a template."""
MAX_REF_LENGTH = 250
_MAX_SHOWN = 60

_COMMIT = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_REF_PITFALLS = (
    (re.compile(r"-"), "it must not start with '-'"),
    (re.compile(r"(.*/)?\."), "no part of it may start with a dot"),
    (re.compile(r".*\.\."), "it must not contain '..'"),
    (re.compile(r"/|.*//|.*/$"), "it must not have an empty part"),
    (re.compile(r".*\.$"), "it must not end with a dot"),
    (re.compile(r".*\.lock(/|$)"), "no part of it may end with .lock"),
    (re.compile(r".*@\{"), "it must not contain '@{'"),
    (re.compile(r"(@|HEAD)$"), "git reserves this name"),
    (re.compile(r".*[\x00-\x20\x7f~^:?*\[\\]"), "git allows no space and none of ~ ^ : ? * [ \\"),
)
"""What `git check-ref-format --branch` rejects."""


def check_branch(text: str) -> str:
    """`text` as the short name of a branch, like `4.20` or `feature/x`."""
    return _check_ref("branch", text)


def check_tag(text: str) -> str:
    """`text` as the short name of a tag, like `v1.0`."""
    return _check_ref("tag", text)


def _check_ref(what: str, text: str) -> str:
    if not text:
        raise BadValue(f"expected a {what}, found empty text")
    if len(text) > MAX_REF_LENGTH:
        raise _bad(what, text, f"longer than {MAX_REF_LENGTH} characters")
    if not text.isascii() and text.encode(errors="replace").decode() != text:
        raise _bad(what, text, "it is not UTF-8 text")
    for pitfall, why in _REF_PITFALLS:
        if pitfall.match(text):
            raise _bad(what, text, why)
    return text


def check_commit(text: str) -> str:
    """`text` as a full object id in lower case."""
    if not _COMMIT.fullmatch(text):
        raise _bad("commit", text, "expected all 40 (or 64) hexadecimal digits")
    return text.lower()


def check_job_id(text: str) -> str:
    """`text` as the id of a job that can be built here."""
    if problem := problem_of_job_id(text):
        raise _bad("job id", text, problem)
    return text


def check_source(pipeline: Pipeline) -> None:
    """Raise BadValue when the pipeline still has the repository of `doit new`."""
    if pipeline.source.repository == PLACEHOLDER:
        raise BadValue(f"pipeline {pipeline.name} has no repository yet. Set `repository` in it.")


def shown(text: str) -> str:
    """`text` for a message: printable, one line, at most 60 characters."""
    printable = "".join(c if c.isprintable() else "?" for c in text[: _MAX_SHOWN + 1])
    return printable if len(printable) <= _MAX_SHOWN else f"{printable[: _MAX_SHOWN - 3]}..."


def _bad(what: str, text: str, why: str) -> BadValue:
    return BadValue(f"invalid {what} '{shown(text)}': {why}")

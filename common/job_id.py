"""Ids of jobs that can be built: they become file names, arguments and variables. Pure."""

from __future__ import annotations

import re

MAX_JOB_ID_LENGTH = 200
_JOB_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:+@=,-]*")


def problem_of_job_id(text: str) -> str:
    """Why `text` cannot be the id of a job that is built; "" when it can."""
    if len(text) > MAX_JOB_ID_LENGTH:
        return f"longer than {MAX_JOB_ID_LENGTH} characters"
    if not _JOB_ID.fullmatch(text) or ".." in text:
        return "only letters, digits and . _ : + @ = , - are allowed"
    return ""

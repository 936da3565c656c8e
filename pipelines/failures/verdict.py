"""From evidence to the failure of a step. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.failures.evidence import Cause, Evidence
from pipelines.failures.excerpt import excerpt, one_line, relative
from pipelines.failures.exit_code import killed, signal_in, signal_name

_IN_WORDS = {
    FailureCode.DISK_FULL: "no space is left on the disk: ",
    FailureCode.OUT_OF_MEMORY: "it ran out of memory: ",
    FailureCode.NETWORK: "network or server failure: ",
}


def verdict(
    program: str,
    ended: str,
    exit_code: int,
    evidence: Evidence,
    *,
    own: FailureCode,
    source: Path | None = None,
) -> StepFailed:
    """The failure of `program`; `ended` says how it ended.

    `own` is the code where the signature has none; paths below `source` are shown relative to it.
    """
    cause = evidence.cause()
    lines = [_relative(line, source) for line in cause.lines]
    signalled = killed(program, exit_code, excerpt(lines))
    if signalled:
        return signalled
    words = _relative(cause.message, source)
    return StepFailed(
        cause.code or own,
        one_line(_message(ended, cause, words)),
        excerpt=excerpt(lines),
        retryable=cause.retry,
        details=_details(cause, source),
    )


def _message(ended: str, cause: Cause, words: str) -> str:
    if not words:
        return ended
    unknown = "" if cause.tool else "no known error line, the last line: "
    return f"{ended}: {_meaning(cause)}{unknown}{words}"


def _meaning(cause: Cause) -> str:
    if cause.code is FailureCode.KILLED:
        number = signal_in(cause.message)
        return f"killed by {signal_name(number)}: " if number else ""
    return _IN_WORDS.get(cause.code, "") if cause.code else ""


def _details(cause: Cause, source: Path | None) -> Mapping[str, Any]:
    tool = {"tool": cause.tool} if cause.tool else {}
    if not cause.file:
        return tool
    place = {
        "file": _relative(cause.file, source),
        "line": cause.line,
        "message": one_line(cause.what),
    }
    return {**tool, "places": [place]}


def _relative(text: str, source: Path | None) -> str:
    return relative(text, source) if source else text

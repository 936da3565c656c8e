"""The meaning of git's answers. Pure; texts of git 2.34 to 2.47, and new words of 2.55."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto

from coordination_tasks.repository.git.process import GitResult


class Response(Enum):
    """The outcome of a git command to the remote."""

    DONE = auto()
    MOVED = auto()
    """The remote's branch is not as expected: another builder wrote first."""
    REFUSED = auto()
    """The remote's policy rejects this write."""
    DENIED = auto()
    """The remote denies access."""
    NO_ANSWER = auto()
    """A timeout or a broken connection; a write may have succeeded."""
    ABSENT = auto()
    """The branch does not exist."""
    REWRITTEN = auto()
    """The branch is not a descendant of what we know."""
    LOCAL = auto()
    """Not an answer of the remote: our clone has the problem."""


_STATUS_LINE = re.compile(r"^([ +\-*!=])\t[^\t]*:[^\t]*\t(.*)$", re.MULTILINE)
_RACE = re.compile(
    r"stale info|fetch first|non-fast-forward|failed to update ref|cannot lock ref|failed to lock"
    r"|incorrect old value|reference already exists|remote ref updated since checkout"
    r"|atomic transaction fail",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"authentication failed|permission denied|could not read (username|password)|access denied"
    r"|invalid (username|credentials)|returned error: (401|403)|permission to \S+ denied"
    r"|host key verification failed|service not enabled|not exported|dubious ownership"
    r"|repository not found|terminal prompts disabled|insufficient permission",
    re.IGNORECASE,
)
_NETWORK = re.compile(
    r"could not read from remote repository|unable to access|unable to connect|could not resolve"
    r"|connection (refused|reset|timed out|closed)|timed out|hung up|early eof|rpc failed"
    r"|broken pipe|does not appear to be a git repository|repository .* (not found|does not exist)"
    r"|no route to host|network is unreachable|remote error|returned error|couldn't connect"
    r"|unexpected disconnect|protocol error|remote helper|unable to look up",
    re.IGNORECASE,
)
_NEVER_LEFT = re.compile(
    r"does not appear to be a git repository|could not resolve|connection refused"
    r"|no route to host|network is unreachable|couldn't connect|unable to look up",
    re.IGNORECASE,
)
_SAYS_NOTHING = (
    "hint:",
    "To ",
    "From ",
    "error: failed to push some refs",
    "Please make sure you have",
    "and the repository exists",
)
_MOST_LINES = 4
_ABSENT = re.compile(r"couldn't find remote ref|remote ref does not exist", re.IGNORECASE)
_KILLED = re.compile(r"died of signal|abnormal exit")
"""A git that another git had started: that is neither a policy nor damage."""
_ALL_OR_NONE = "does not support --atomic"


def push_response(result: GitResult) -> Response:
    """The outcome of `git push --porcelain` of one ref, or of several all-or-none."""
    lines = _STATUS_LINE.findall(result.output)
    refusals = [text for flag, text in lines if flag == "!"]
    if lines and not refusals:
        return Response.DONE
    found = _refusal(refusals, result.errors)
    if found is not None:
        return found
    if _ABSENT.search(result.errors):
        return Response.ABSENT
    return _failure_response(result)


def _refusal(refusals: Sequence[str], errors: str) -> Response | None:
    if any(map(_RACE.search, refusals)):
        return Response.MOVED
    if any("(already exists)" in text for text in refusals):
        return Response.REFUSED  # a tag, which nobody may move
    if refusals and _KILLED.search(errors):
        return Response.NO_ANSWER
    if _ALL_OR_NONE in errors or any("[remote rejected]" in text for text in refusals):
        return Response.REFUSED
    return None


def fetch_response(result: GitResult) -> Response:
    """The outcome of `git fetch` of one branch."""
    if result.code == 0:
        return Response.DONE
    if _ABSENT.search(result.errors):
        return Response.ABSENT
    if "(non-fast-forward)" in result.errors:
        return Response.REWRITTEN
    return _failure_response(result)


def never_left(result: GitResult) -> bool:
    """Whether a push without an answer did not even reach the remote."""
    return result.code is not None and _NEVER_LEFT.search(result.errors) is not None


def why(result: GitResult) -> str:
    """One readable line without a full stop: what git, or the remote, said about the failure."""
    if result.code is None:
        return "git got no answer in time"
    said = [line.strip() for line in result.errors.splitlines() if _is_telling(line)]
    refused = _STATUS_LINE.search(result.output)
    if refused and refused[1] == "!":
        said.append(refused[2])
    shown = said if len(said) <= _MOST_LINES else [*said[: _MOST_LINES - 1], said[-1]]
    text = " | ".join(line[:300] for line in shown) or f"git exited with {result.code}"
    return text.removesuffix(".")


def _is_telling(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(_SAYS_NOTHING)


def _failure_response(result: GitResult) -> Response:
    killed = result.code is None or result.code < 0 or _KILLED.search(result.errors)
    if killed:  # by us or others
        return Response.NO_ANSWER
    if _DENIED.search(result.errors):
        return Response.DENIED
    return Response.NO_ANSWER if _NETWORK.search(result.errors) else Response.LOCAL

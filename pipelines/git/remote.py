"""What git needs to talk to a source repository, and what its refusals mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from common.redaction import mask_url_credentials
from pipelines.domain.errors import BadValue, FailureCode, StepFailed
from pipelines.domain.validation import check_branch, check_tag, shown
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.capture import capture

_MAX_EXCERPT = 2000
_EXCERPT_LINES = 12
_LS_REMOTE_SECONDS = 60
_USER_VARIABLE = "BUILD_COORDINATION_GIT_USER"
_PASSWORD_VARIABLE = "BUILD_COORDINATION_GIT_PASSWORD"  # noqa: S105 - a name

_OF_ANOTHER_REPOSITORY = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)
"""Git sets these for its hooks; a build that was started by one must not meet them."""

_SETTINGS = (
    ("clone.defaultRemoteName", "origin"),
    ("clone.rejectShallow", "false"),
    ("color.ui", "false"),
    ("core.hooksPath", "/dev/null"),
    ("gc.auto", "0"),
    ("safe.bareRepository", "all"),
)
"""What checkouts rely on, whatever the user's own configuration says."""

_NOT_THERE = re.compile(
    r"not our ref|unadvertised object|couldn't find remote ref|no such remote ref"
    r"|did not contain [0-9a-f]{40}|Unable to find [0-9a-f]{40,64} under"
    r"|Unable to find current revision"
)
_UNREACHABLE = re.compile(
    r"Could not read from remote repository|unable to access|unable to connect|Connection (refused"
    r"|timed out|reset)|Could not resolve host|early EOF|RPC failed|remote end hung up"
    r"|unexpected disconnect|repository .* not found|does not appear to be a git repository"
    r"|repository .* does not exist|Authentication failed|could not read (Username|Password)"
    r"|transport '.*' not allowed|Permission denied"
)
_USELESS_TO_RETRY = re.compile(
    r"repository .* not found|does not appear to be a git repository|repository .* does not exist"
    r"|Authentication failed|could not read (Username|Password)|dubious ownership"
    r"|transport '.*' not allowed|Permission denied|Host key verification failed"
)
_REMEDIES = (
    (
        re.compile(r"transport '.*' not allowed"),
        "use an address of another kind, or allow this one in the configuration of the builder's"
        " git (protocol.<name>.allow).",
    ),
    (
        re.compile(r"Permission denied|Authentication failed|could not read (Username|Password)"),
        "give this builder access.",
    ),
    (re.compile(r"Host key verification failed"), "add the host's key to known_hosts."),
    (re.compile(r"dubious ownership"), "give the folder to the builder's user."),
    (
        re.compile(r"repository .* (not found|does not exist)|does not appear to be a git"),
        "correct the address in .gitmodules, or give this builder access.",
    ),
)
_PROGRESS = re.compile(r"\d+% \(\d+/\d+\)")


def public_url(repository: str) -> str:
    """The repository without credentials: what logs, records and git's own files get to see."""
    parts = urlsplit(repository) if "://" in repository else None
    if not parts or "@" not in parts.netloc:
        return repository
    user, _, host = parts.netloc.rpartition("@")
    # With ssh the name is part of the address; with http it may be a token.
    kept = f"{user.partition(':')[0]}@" if parts.scheme.endswith("ssh") else ""
    return urlunsplit(parts._replace(netloc=f"{kept}{host}"))


def git_environment(repository: str, env: Mapping[str, str]) -> dict[str, str]:
    """Environment for git commands that name `repository` by its public URL.

    Credentials in the repository's URL reach git by a credential helper, so that no command line,
    no file and no message of git has them: not all of its messages leave them out of a URL. Git
    never asks for anything, and gives up on a transfer that stands still.
    """
    result = {name: value for name, value in env.items() if name not in _OF_ANOTHER_REPOSITORY}
    # whether large files are fetched is the pipeline's choice, not that of the host's git
    result |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_LFS_SKIP_SMUDGE": "1"}
    result.setdefault("GIT_HTTP_LOW_SPEED_LIMIT", "100")
    result.setdefault("GIT_HTTP_LOW_SPEED_TIME", "120")
    settings = [*_SETTINGS]
    parts = urlsplit(repository) if "://" in repository else None
    if parts and parts.username and parts.scheme.startswith("http"):
        result[_USER_VARIABLE] = unquote(parts.username)
        result[_PASSWORD_VARIABLE] = unquote(parts.password or "")
        settings += _credential_helper(parts, has_password=parts.password is not None)
    return result | _configuration(settings, int(result.get("GIT_CONFIG_COUNT", "0")))


def resolve_branch(
    repository: str,
    branch: str,
    env: Mapping[str, str],
    cancellation: Cancellation | None = None,
) -> str | None:
    """The object id that the branch has in the repository now; None when there is no such branch.

    Raises BadValue, StepFailed (SOURCE_UNREACHABLE, TOOL_MISSING), StepCancelled.
    """
    ref = f"refs/heads/{check_branch(branch)}"
    return _ask(repository, env, cancellation, ref).get(ref)


def resolve_tag(repository: str, tag: str, env: Mapping[str, str]) -> str | None:
    """The commit that the tag names in the repository now; None when there is no such tag.

    Raises BadValue, StepFailed (SOURCE_UNREACHABLE, TOOL_MISSING).
    """
    ref = f"refs/tags/{check_tag(tag)}"
    peeled = f"{ref}^{{}}"
    found = _ask(repository, env, None, ref, peeled)
    return found.get(peeled, found.get(ref))


def _ask(
    repository: str, env: Mapping[str, str], cancellation: Cancellation | None, *refs: str
) -> dict[str, str]:
    """What these refs of the repository are now."""
    url = check_repository(public_url(repository))
    try:
        got = capture(
            ["git", "ls-remote", "--", url, *refs],
            cwd=Path("/"),
            env=git_environment(repository, env),
            timeout=_LS_REMOTE_SECONDS,
            cancellation=cancellation,
        )
    except StepFailed as error:
        if error.code is not FailureCode.TIMEOUT:
            raise
        message = f"{url} did not answer within {_LS_REMOTE_SECONDS} s"
        raise StepFailed(FailureCode.SOURCE_UNREACHABLE, message, retryable=True) from error
    if got.code:
        raise unreachable(url, got.text.splitlines())
    lines = re.finditer(r"^([0-9a-f]{40,64})\t(.*)$", got.output, re.MULTILINE)
    return {line[2]: line[1] for line in lines}


def check_repository(url: str) -> str:
    """`url` unless git would take it for an option or it can't be written in one line."""
    if not url or url.startswith("-") or not url.isprintable():
        raise BadValue(f"'{shown(url)}' can't be a repository")
    return url


def says_not_there(lines: Sequence[str]) -> bool:
    """Whether the remote answered that it does not have the object."""
    return any(_NOT_THERE.search(line) for line in lines)


def says_unreachable(lines: Sequence[str]) -> bool:
    """Whether git could not talk to the remote, or was not let in."""
    return any(_UNREACHABLE.search(line) for line in lines)


def unreachable(url: str, lines: Sequence[str]) -> StepFailed:
    """The failure for a remote that could not be read, with git's own words."""
    why = _main_line(lines)
    return StepFailed(
        FailureCode.SOURCE_UNREACHABLE,
        f"{url} can't be read{f': {why}' if why else ''}",
        excerpt=excerpt(lines),
        retryable=not is_final(lines),
    )


def is_final(lines: Sequence[str]) -> bool:
    """Whether git says what no other try changes: access, an address or a setting is wrong."""
    return any(_USELESS_TO_RETRY.search(line) for line in lines)


def remedy(lines: Sequence[str]) -> str:
    """What git says, for the end of a message, with what to do about it; else nothing."""
    for line in lines:
        for pattern, what in _REMEDIES:
            if pattern.search(line):
                said = mask_url_credentials(line.removeprefix("fatal: ").strip())
                return f": {said}; {what}"
    return ""


def excerpt(lines: Sequence[str]) -> str:
    """The last lines of git's output, without progress and credentials."""
    kept = [line for line in lines if line.strip() and not _PROGRESS.search(line)]
    return mask_url_credentials("\n".join(kept[-_EXCERPT_LINES:]))[-_MAX_EXCERPT:]


def _main_line(lines: Sequence[str]) -> str:
    """The first line in which git says why it gives up."""
    said = [line for line in lines if line.startswith(("fatal: ", "error: ", "ssh: "))]
    return mask_url_credentials(said[0].partition(": ")[2]) if said else ""


def _credential_helper(parts: SplitResult, *, has_password: bool) -> list[tuple[str, str]]:
    """Settings that give git user and password for the host of the repository.

    With a password, the user's own helpers are left out: one that stores passwords would.
    """
    host = parts.netloc.rpartition("@")[2]
    key = f"credential.{parts.scheme}://{host}.helper"
    told = f'printf "username=%s\\n" "${_USER_VARIABLE}"'
    if has_password:
        told += f'; printf "password=%s\\n" "${_PASSWORD_VARIABLE}"'
    forget_others = [(key, "")] if has_password else []
    return [*forget_others, (key, f'!tell() {{ test "$1" = get && {{ {told}; }}; }}; tell')]


def _configuration(settings: Sequence[tuple[str, str]], first: int) -> dict[str, str]:
    """Git's way to pass configuration by the environment, numbered from `first`."""
    result = {"GIT_CONFIG_COUNT": str(first + len(settings))}
    for number, (key, value) in enumerate(settings, first):
        result |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return result

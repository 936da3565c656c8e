"""What git needs for a source repository, and the meaning of its errors."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from common.redaction import mask_url_credentials
from common.settings.source_credentials import (
    SOURCES_VARIABLE,
    SourceCredential,
    credential_for,
    problem_of,
    token_of,
)
from pipelines.domain.errors import BadValue, FailureCode, StepFailed
from pipelines.domain.validation import check_branch, check_tag, shown
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.capture import capture

_MAX_EXCERPT = 2000
_EXCERPT_LINES = 12
_LS_REMOTE_SECONDS = 60
CREDENTIAL_VARIABLE = "BUILD_COORDINATION_GIT_CREDENTIAL"
"""In git's environment: which credential it shows, for messages."""
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
"""Git sets these for its hooks; a build that a hook started must not see them."""

_SETTINGS = (
    ("clone.defaultRemoteName", "origin"),
    ("clone.rejectShallow", "false"),
    ("color.ui", "false"),
    ("core.hooksPath", "/dev/null"),
    ("gc.auto", "0"),
    ("safe.bareRepository", "all"),
)
"""Settings that checkouts rely on, whatever the user's own configuration says."""

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
        "use another type of address, or allow this one in the configuration of the builder's"
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
_REFUSED = re.compile(
    r"Permission denied|Authentication failed|could not read (Username|Password)|error: 403"
    r"|repository .* not found"
)
_PROGRESS = re.compile(r"\d+% \(\d+/\d+\)")


def public_url(repository: str) -> str:
    """The repository without credentials, for logs, records and git's own files."""
    parts = urlsplit(repository) if "://" in repository else None
    if not parts or "@" not in parts.netloc:
        return repository
    user, _, host = parts.netloc.rpartition("@")
    # With ssh the name is part of the address; with http it may be a token.
    kept = f"{user.partition(':')[0]}@" if parts.scheme.endswith("ssh") else ""
    return urlunsplit(parts._replace(netloc=f"{kept}{host}"))


def git_environment(repository: str, env: Mapping[str, str]) -> dict[str, str]:
    """Environment for git commands that name `repository` by its public URL.

    `env` may have credentials of private sources. Git gets the one for this source, or that in the
    repository's URL, from a credential helper, so that no command line, file or message of git
    contains it: some of its messages do not remove it from a URL. Git never prompts, and aborts a
    stalled transfer.
    Raises StepFailed (SOURCE_UNREACHABLE) for a credential that cannot be used.
    """
    result = {name: value for name, value in env.items() if name not in _OF_ANOTHER_REPOSITORY}
    # the pipeline decides whether large files are fetched, not the host's git
    result |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_LFS_SKIP_SMUDGE": "1"}
    result.setdefault("GIT_HTTP_LOW_SPEED_LIMIT", "100")
    result.setdefault("GIT_HTTP_LOW_SPEED_TIME", "120")
    settings = [*_SETTINGS]
    result.pop(SOURCES_VARIABLE, None)
    parts = urlsplit(repository) if "://" in repository else None
    own = credential_for(public_url(repository), env)
    if own is not None:
        if problem := problem_of(own, datetime.now(UTC)):
            message = f"cannot read {public_url(repository)}: {problem}"
            raise StepFailed(FailureCode.SOURCE_UNREACHABLE, message, retryable=False)
        result[CREDENTIAL_VARIABLE] = str(own)
        settings += _own_credential(own, parts, result)
    elif parts and parts.username and parts.scheme.startswith("http"):
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
    """The current object id of the branch in the repository; None when there is no such branch.

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
    """The current object ids of these refs of the repository."""
    url = check_repository(public_url(repository))
    asked = git_environment(repository, env)
    try:
        got = capture(
            ["git", "ls-remote", "--", url, *refs],
            cwd=Path("/"),
            env=asked,
            timeout=_LS_REMOTE_SECONDS,
            cancellation=cancellation,
        )
    except StepFailed as error:
        if error.code is not FailureCode.TIMEOUT:
            raise
        message = f"{url} did not answer within {_LS_REMOTE_SECONDS} s"
        raise StepFailed(FailureCode.SOURCE_UNREACHABLE, message, retryable=True) from error
    if got.code:
        raise unreachable(url, got.text.splitlines(), asked)
    lines = re.finditer(r"^([0-9a-f]{40,64})\t(.*)$", got.output, re.MULTILINE)
    return {line[2]: line[1] for line in lines}


def check_repository(url: str) -> str:
    """`url`, unless git would treat it as an option or it does not fit into one line."""
    if not url or url.startswith("-") or not url.isprintable():
        raise BadValue(f"invalid repository '{shown(url)}'")
    return url


def says_not_there(lines: Sequence[str]) -> bool:
    """Whether the remote answered that it does not have the object."""
    return any(_NOT_THERE.search(line) for line in lines)


def says_unreachable(lines: Sequence[str]) -> bool:
    """Whether git could not reach the remote, or was denied access."""
    return any(_UNREACHABLE.search(line) for line in lines)


def unreachable(
    url: str, lines: Sequence[str], env: Mapping[str, str] = MappingProxyType({})
) -> StepFailed:
    """The failure for an unreadable remote, with git's own message.

    `env` is the environment of git, which names the credential that was refused.
    """
    why = _main_line(lines)
    if CREDENTIAL_VARIABLE in env and any(_REFUSED.search(line) for line in lines):
        why = f"{why or 'access denied'}; it refuses {env[CREDENTIAL_VARIABLE]}. Replace it"
    return StepFailed(
        FailureCode.SOURCE_UNREACHABLE,
        f"cannot read {url}{f': {why}' if why else ''}",
        excerpt=excerpt(lines),
        retryable=not is_final(lines),
    )


def is_final(lines: Sequence[str]) -> bool:
    """Whether the error is permanent: access, an address or a setting is wrong."""
    return any(_USELESS_TO_RETRY.search(line) for line in lines)


def remedy(lines: Sequence[str]) -> str:
    """Git's message with a remedy, to append to a message; empty when there is none."""
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
    """The first line in which git reports why it failed."""
    said = [line for line in lines if line.startswith(("fatal: ", "error: ", "ssh: "))]
    return mask_url_credentials(said[0].partition(": ")[2]) if said else ""


def _own_credential(
    own: SourceCredential, parts: SplitResult | None, env: dict[str, str]
) -> list[tuple[str, str]]:
    """Let git show the credential: by settings, which are returned, and variables in `env`."""
    if own.ssh_key is not None:
        env["GIT_SSH_COMMAND"] = shlex.join(_ssh(own))
        return []
    env[_USER_VARIABLE] = own.user
    env[_PASSWORD_VARIABLE] = token_of(own)
    return _credential_helper(parts, has_password=True) if parts else []


def _ssh(own: SourceCredential) -> list[str]:
    words = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    words += ["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-i", own.ssh_key or ""]
    if own.known_hosts is not None:
        words += ["-o", f'UserKnownHostsFile="{own.known_hosts}"']
        words += ["-o", "GlobalKnownHostsFile=/dev/null"]
    return words


def _credential_helper(parts: SplitResult, *, has_password: bool) -> list[tuple[str, str]]:
    """Settings that pass user and password for the repository's host to git.

    With a password, the user's own helpers are disabled: they might store it.
    """
    host = parts.netloc.rpartition("@")[2]
    key = f"credential.{parts.scheme}://{host}.helper"
    told = f'printf "username=%s\\n" "${_USER_VARIABLE}"'
    if has_password:
        told += f'; printf "password=%s\\n" "${_PASSWORD_VARIABLE}"'
    forget_others = [(key, "")] if has_password else []
    return [*forget_others, (key, f'!tell() {{ test "$1" = get && {{ {told}; }}; }}; tell')]


def _configuration(settings: Sequence[tuple[str, str]], first: int) -> dict[str, str]:
    """Git configuration as environment variables, numbered from `first`."""
    result = {"GIT_CONFIG_COUNT": str(first + len(settings))}
    for number, (key, value) in enumerate(settings, first):
        result |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return result

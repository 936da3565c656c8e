"""Whether a new source tree has the files of its commit, and no others.

Names and `lstat` are enough. `git status` reads content again only for files of the last second,
and it reports files that were committed before `.gitattributes` set their line endings as modified
as soon as git has written them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.git.own_git_dir import local_git_environment
from pipelines.processes.capture import capture

_MEANING = {"R": "missing", "?": "not in the commit"}
_AT_OTHER_COMMIT = ("+", "U")
_SECONDS = 600.0
_LONGEST_EXCERPT = 2000


def missing_files(source: Path, env: Mapping[str, str]) -> list[str]:
    """The files of the index that are not in the tree. Raises StepFailed (CHECKOUT_FAILED)."""
    return _names(_git(source, env, "ls-files", "-z", "--deleted"))


def differing_files(source: Path, env: Mapping[str, str], *, submodules: bool) -> list[str]:
    """Each file that is missing or not in the commit, and each submodule at another commit.

    With the difference, as text. Raises StepFailed (CHECKOUT_FAILED).
    """
    found = list(_differing(source, env))
    if submodules:
        show = r'printf "%s\0" "$displaypath"'
        every = _names(_git(source, env, "submodule", "--quiet", "foreach", "--recursive", show))
        found += [
            f"{module}/{line}" for module in every for line in _differing(source / module, env)
        ]
        states = _git(source, env, "submodule", "status", "--recursive").splitlines()
        found += [f"{_path(s)}: another commit" for s in states if s.startswith(_AT_OTHER_COMMIT)]
    return found


def _differing(tree: Path, env: Mapping[str, str]) -> Iterator[str]:
    for entry in _names(_git(tree, env, "ls-files", "-z", "-t", "--deleted", "--others")):
        kind, _, path = entry.partition(" ")
        yield f"{path}: {_MEANING[kind]}"


def _path(state: str) -> str:
    """The path in a line like `+<commit> lib (v1.0-1-g<commit>)`."""
    return state.split(" ", 1)[1].rsplit(" (", 1)[0]


def _git(source: Path, env: Mapping[str, str], *arguments: str) -> str:
    """Git in a tree that no step has seen: it may use the tree's own configuration."""
    done = capture(
        ("git", *arguments), cwd=source, env=local_git_environment(env), timeout=_SECONDS
    )
    if done.code:
        problem = f"git cannot read the source tree {source}"
        raise StepFailed(FailureCode.CHECKOUT_FAILED, problem, excerpt=done.text[:_LONGEST_EXCERPT])
    return done.output


def _names(output: str) -> list[str]:
    return [name for name in output.split("\0") if name]

"""Object ids of the files in a source tree that a step says it depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.capture import capture
from pipelines.errors import FailureCode, StepFailed
from pipelines.head_commit import local_git_environment

_MOST_NAMED = 500


def input_files(source: Path, patterns: Sequence[str], env: Mapping[str, str]) -> dict[str, str]:
    """Git's object id of each file that matches a pattern (`**` too), as it is in the tree now.

    Git's index tells the ids of what is as it was checked out; only files that a step changed or
    made are read. More than 500 files of one set become one entry. Raises StepFailed
    (CHECKOUT_FAILED) when git can't read the tree.
    """
    if not patterns:
        return {}
    specs = [f":(glob){pattern}" for pattern in patterns]
    tracked = _git(source, env, "ls-files", "--stage", "-z", "--", *specs)
    entries = [entry.partition("\t") for entry in tracked]
    ids = {path: meta.split()[1] for meta, _, path in entries}
    for path in _git(source, env, "ls-files", "--modified", "--others", "-z", "--", *specs):
        ids[path] = _object_id(source / path)
    if len(ids) > _MOST_NAMED:
        whole = hashlib.sha256(repr(sorted(ids.items())).encode()).hexdigest()
        return {f"{len(ids)} files": whole}
    return ids


def matching_files(source: Path, patterns: Sequence[str]) -> list[Path]:
    """The files that match, in order. Raises StepFailed (ARTIFACT_MISSING)."""
    found: set[Path] = set()
    for pattern in patterns:
        files = {path for path in source.glob(pattern) if path.is_file()}
        if not files:
            raise StepFailed(
                FailureCode.ARTIFACT_MISSING,
                f"the step says that it makes '{pattern}', but no file in the source matches that",
            )
        found |= files
    return sorted(found)


def _git(source: Path, env: Mapping[str, str], *arguments: str) -> list[str]:
    if not source.is_dir():
        raise StepFailed(FailureCode.CHECKOUT_FAILED, "no source tree is checked out yet")
    got = capture(("git", *arguments), cwd=source, env=local_git_environment(env))
    if got.code:
        raise StepFailed(
            FailureCode.CHECKOUT_FAILED,
            f"git can't list the files of {source}",
            excerpt=got.text[-2000:],
        )
    return [entry for entry in got.text.split("\0") if entry]


def _object_id(path: Path) -> str:
    if path.is_symlink():
        content = str(path.readlink()).encode()
    elif path.is_file():
        content = path.read_bytes()
    else:
        return "gone"
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324 - git's

"""A folder as it is now, as a commit of a repository of our own: nothing is written beside it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.git.own_git_dir import local_git_environment
from pipelines.processes.capture import capture

_SECONDS = 600
_LONG_AGO = "1000000000 +0000"
"""The time of a commit without a parent: the same content has to be the same commit."""
_OUR_BRANCH = "working-tree"
_WHO = {
    f"GIT_{role}_{what}": text
    for role in ("AUTHOR", "COMMITTER")
    for what, text in (("NAME", "doit try"), ("EMAIL", "doit@localhost"))
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingTree:
    """The commit of a folder."""

    repository: Path
    """A bare repository that has it."""
    branch: str
    commit: str


def commit_of_folder(folder: Path, into: Path, env: Mapping[str, str]) -> WorkingTree:
    """The content of `folder` as a commit in the bare repository `into`, which is replaced.

    Of a Git working tree: tracked and new files, without ignored ones, on top of its HEAD; the same
    content is the same commit. Raises StepFailed (CHECKOUT_FAILED).
    """
    top = _asked(folder, env, "rev-parse", "--show-toplevel")
    tree_of = Path(top) if top else folder
    head = _asked(folder, env, "rev-parse", "--verify", "--quiet", "HEAD^{commit}") if top else ""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    own = {**local_git_environment(env), **_WHO, "GIT_DIR": str(into)}
    _run(into, own, "init", "--quiet", "--bare", "--template=")
    if top:
        objects = _asked(
            folder, env, "rev-parse", "--path-format=absolute", "--git-path", "objects"
        )
        (into / "objects" / "info").mkdir(parents=True, exist_ok=True)
        (into / "objects" / "info" / "alternates").write_text(f"{objects}\n")
        _run(into, own, "fetch", "--quiet", top, "+refs/tags/*:refs/tags/*")
    in_tree = {**own, "GIT_WORK_TREE": str(tree_of), "GIT_INDEX_FILE": str(into / "index")}
    if head:
        _run(tree_of, in_tree, "read-tree", head)
        own |= {f"GIT_{who}_DATE": _time_of(into, own, head) for who in ("AUTHOR", "COMMITTER")}
    else:
        own |= {f"GIT_{who}_DATE": _LONG_AGO for who in ("AUTHOR", "COMMITTER")}
    _run(tree_of, in_tree, "-c", "core.safecrlf=false", "add", "--all", "--", ".")
    tree = _run(into, in_tree, "write-tree")
    if head and tree == _run(into, own, "rev-parse", f"{head}^{{tree}}"):
        commit = head
    else:
        parent = ("-p", head) if head else ()
        commit = _run(into, own, "commit-tree", *parent, "-m", "working tree", tree)
    branch = _asked(folder, env, "symbolic-ref", "--quiet", "--short", "HEAD") or _OUR_BRANCH
    _run(into, own, "update-ref", f"refs/heads/{branch}", commit)
    return WorkingTree(repository=into, branch=branch, commit=commit)


def _time_of(into: Path, env: Mapping[str, str], commit: str) -> str:
    return _run(into, env, "show", "--no-patch", "--format=%cd", "--date=raw", commit)


def _asked(folder: Path, env: Mapping[str, str], *arguments: str) -> str:
    """The answer of git in the folder; "" when it has none."""
    done = capture(("git", *arguments), cwd=folder, env=local_git_environment(env))
    return done.output.strip() if done.code == 0 else ""


def _run(cwd: Path, env: Mapping[str, str], *arguments: str) -> str:
    done = capture(("git", *arguments), cwd=cwd, env=env, timeout=_SECONDS)
    if done.code:
        raise StepFailed(
            FailureCode.CHECKOUT_FAILED,
            f"git {arguments[0]} cannot read the working tree: {done.text.strip()[:500]}",
        )
    return done.output.strip()

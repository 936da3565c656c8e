"""Git for trees in which steps have worked: it never reads configuration that a step wrote.

A repository's configuration names programs (core.fsmonitor, filters, hooks), which git would run as
the builder. So git gets a folder of ours in the place of the tree's `.git`: with the configuration
that the checkout made, and links to objects and refs, which are data.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipelines.processes.capture import Captured, capture

_DATA = ("objects", "refs", "packed-refs", "shallow", "reftable")
_KEPT = "git-configuration"
_PLAIN = "[core]\n\trepositoryformatversion = {version}\n\tbare = false\n\tautocrlf = false\n"
_SHA256 = "[extensions]\n\tobjectFormat = sha256\n"
_LONGEST_HEAD = 4096
_OF_JOB = re.compile(r"(?P<job>.*?/jobs/[^/]+)/build/source(?:/|$)")


def local_git_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Environment for git in a repository, without what git exports to its hooks."""
    kept = {name: value for name, value in env.items() if not name.startswith("GIT_")}
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def keep_configuration(source: Path) -> None:
    """Keep the configuration of a new source tree and of its submodules, before any step runs."""
    kept = _kept_of_job(source)
    if kept is None:
        return
    shutil.rmtree(kept, ignore_errors=True)
    git_dir = source / ".git"
    modules = [head.parent for head in (git_dir / "modules").rglob("HEAD")]
    for each in (git_dir, *modules):
        if (each / "config").is_file():
            target = kept / each.relative_to(git_dir) / "config"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(each / "config", target)


@contextmanager
def own_git_dir(tree: Path) -> Iterator[Path]:
    """A repository with the objects and refs of the tree, without its configuration."""
    theirs = git_dir_of(tree)
    with tempfile.TemporaryDirectory(prefix="git-") as folder:
        ours = Path(folder)
        for name in _DATA:
            if (theirs / name).exists():
                (ours / name).symlink_to(theirs / name)
        head = _head(theirs)
        if head:
            (ours / "HEAD").write_bytes(head)
        kept = _kept_configuration(tree, theirs)
        if kept and kept.is_file():
            shutil.copyfile(kept, ours / "config")
        else:
            is_sha256 = re.fullmatch(rb"[0-9a-f]{64}\s*", head) is not None
            text = _PLAIN.format(version=int(is_sha256)) + (_SHA256 if is_sha256 else "")
            (ours / "config").write_text(text)
        yield ours


def tree_environment(
    env: Mapping[str, str], tree: Path, git_dir: Path, index: Path | None = None
) -> dict[str, str]:
    """Environment for git in `tree` with the repository `git_dir` of `own_git_dir`."""
    return {
        **local_git_environment(env),
        "GIT_DIR": str(git_dir),
        "GIT_WORK_TREE": str(tree),
        "GIT_INDEX_FILE": str(index or git_dir_of(tree) / "index"),
    }


def git_in_tree(
    tree: Path,
    env: Mapping[str, str],
    *arguments: str,
    timeout: float | None = None,
    given: str = "",
    index: Path | None = None,
) -> Captured:
    """Run git in a tree in which steps have worked; see `capture`. `index`: instead of its own."""
    with own_git_dir(tree) as git_dir:
        return capture(
            ("git", *arguments),
            cwd=tree,
            env=tree_environment(env, tree, git_dir, index),
            timeout=timeout,
            given=given,
        )


def git_dir_of(tree: Path) -> Path:
    """The repository of the tree: `.git`, or the folder that this file names in a submodule."""
    dot_git = tree / ".git"
    if dot_git.is_file():
        with dot_git.open(encoding="utf-8", errors="surrogateescape") as stream:
            name = stream.read(_LONGEST_HEAD).removeprefix("gitdir: ").rstrip("\n")
        return Path(os.path.normpath(tree / name))
    return dot_git


def _head(git_dir: Path) -> bytes:
    file = git_dir / "HEAD"
    if not file.is_file():
        return b""
    with file.open("rb") as stream:
        return stream.read(_LONGEST_HEAD)


def _kept_of_job(tree: Path) -> Path | None:
    """The folder of kept configurations in the job of the tree; no step can write there.

    The outermost job counts: folders inside the tree are the steps' own.
    """
    found = _OF_JOB.match(str(tree))
    return Path(found["job"], _KEPT) if found else None


def _kept_configuration(tree: Path, git_dir: Path) -> Path | None:
    kept = _kept_of_job(tree)
    if kept is None:
        return None
    top = kept.parent / "build" / "source" / ".git"
    return kept / git_dir.relative_to(top) / "config" if git_dir.is_relative_to(top) else None

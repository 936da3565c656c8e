"""The source of a job with objects of its own, for a root that does not have the builder's mirror.

It has the history, branches, tags and submodules of the tree, but none of the files that earlier
steps made.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Command, StepContext
from pipelines.failures.excerpt import excerpt
from pipelines.git.own_git_dir import git_dir_of, local_git_environment, own_git_dir
from pipelines.git.tracked_files import checked_out_submodules
from pipelines.workspace.containment import lies_below

_REMOTE_BRANCHES = "+refs/remotes/*:refs/remotes/*"


def copy_source(context: StepContext, target: Path) -> None:
    """Make the copy in `target`, which must not exist. Raises StepFailed (CHECKOUT_FAILED)."""
    source = context.workspace.source
    _copy(context, source, target)
    if context.source.submodules:
        _copy_submodules(context, source, target)
    if context.source.lfs:
        _copy_large_files(context, source, target)


def _copy(context: StepContext, tree: Path, target: Path) -> None:
    with own_git_dir(tree) as git_dir:
        config = ("config", "--file", str(git_dir / "config"))
        # That of a submodule is relative to the folder that this one stands for.
        _git(context, *config, "--replace-all", "core.worktree", str(tree))
        # A URL, not a path: otherwise git links objects, or borrows them from the mirror, too.
        url = f"file://{git_dir}"
        options = ("--quiet", "--no-checkout", "--template=", "-c", "core.autocrlf=false")
        _git(context, "clone", *options, "--", url, str(target))
        branches = ("--quiet", "--prune", "--update-shallow", url, _REMOTE_BRANCHES)
        _git(context, "-C", str(target), "fetch", *branches)
        origin = _git(context, *config, "--default", url, "--get", "remote.origin.url")
    _git(context, "-C", str(target), "remote", "set-url", "origin", *origin)
    _git(context, "-C", str(target), "checkout", "--quiet", "--detach")


def _copy_submodules(context: StepContext, source: Path, target: Path) -> None:
    modules = list(checked_out_submodules(source, context.env))
    for module in modules:
        place = target / module.relative_to(source)
        if not lies_below(place, target):
            raise _failed([f"{place.relative_to(target)} leads out of the source"])
        _copy(context, module, place)
    for tree in (source, *modules):
        copied = target / tree.relative_to(source)
        if (copied / ".gitmodules").is_file():
            _git(context, "-C", str(copied), "submodule", "--quiet", "init")
    if modules:
        _git(context, "-C", str(target), "submodule", "--quiet", "absorbgitdirs")


def _copy_large_files(context: StepContext, source: Path, target: Path) -> None:
    objects = git_dir_of(source) / "lfs" / "objects"
    # A step may have linked files of the host there.
    if objects.is_dir() and not objects.is_symlink() and lies_below(objects, source):
        copied = target / ".git" / "lfs" / "objects"
        shutil.copytree(objects, copied, symlinks=True, dirs_exist_ok=True)
    for arguments in (("install", "--local", "--skip-repo"), ("checkout",)):
        _git(context, "-C", str(target), "lfs", *arguments)
    # The root has no program for this filter.
    _git(context, "-C", str(target), "config", "--remove-section", "filter.lfs")


def _git(context: StepContext, *arguments: str) -> list[str]:
    """The lines that it prints."""
    lines: list[str] = []
    env = {**local_git_environment(context.env), "GIT_LFS_SKIP_SMUDGE": "1"}
    command = Command(argv=("git", *arguments), cwd=Path("/"), env=env, on_host=True)
    if context.commands.run(command, lines.append):
        raise _failed(lines)
    return lines


def _failed(lines: list[str]) -> StepFailed:
    return StepFailed(
        FailureCode.CHECKOUT_FAILED,
        "git cannot copy the source for the clean root",
        excerpt=excerpt(lines),
    )

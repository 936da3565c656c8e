"""Restores the source to its commit, however the previous build ended.

A build that is killed leaves a changed `debian/changelog`, backups beside it and half of its
packages in the parent folder. After that `build-deb.sh` succeeds with a version that has the
distribution's suffix twice.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Command, StepContext
from pipelines.failures.excerpt import excerpt
from pipelines.git.own_git_dir import own_git_dir, tree_environment
from pipelines.git.tracked_files import checked_out_submodules
from pipelines.workspace.containment import lies_below


def restore_source(context: StepContext) -> None:
    """Undo changes of tracked files; remove leftovers from `debian/` and the parent folder.

    In submodules too, and in the target of a `debian` that is a link inside the source. Files that
    earlier steps made elsewhere, like `target/`, stay. Raises StepFailed (CHECKOUT_FAILED,
    PACKAGING_FAILED).
    """
    source = context.workspace.source
    if not (source / ".git").exists():
        raise StepFailed(FailureCode.CHECKOUT_FAILED, f"no source is checked out in {source}")
    _empty_parent(context)
    # Only a git of an earlier, killed try can have left it: nobody else uses the workspace.
    (source / ".git" / "index.lock").unlink(missing_ok=True)
    _remove_patched_files(source)
    _git(context, "checkout", "--quiet", "--", ".")
    if context.source.submodules:
        for module in checked_out_submodules(source, context.env):
            _git(context, "checkout", "--quiet", "--", ".", repository=module)
    for folder in (source / "debian", source / ".pc"):
        _clean(context, folder.resolve())
    if not (source / "debian" / "control").is_file():
        raise StepFailed(FailureCode.PACKAGING_FAILED, "the source has no debian/control")


def _clean(context: StepContext, folder: Path) -> None:
    """Remove uncommitted files in a folder of the source, in the repository that it belongs to."""
    source = context.workspace.source.resolve()
    if not folder.is_dir() or source not in folder.parents:
        return
    inside = (above for above in folder.parents if above.is_relative_to(source))
    repository = next(above for above in (folder, *inside) if (above / ".git").exists())
    within = folder.relative_to(repository)
    _git(context, "clean", "-ffdxq", "--", str(within), repository=repository)


def _empty_parent(context: StepContext) -> None:
    source = context.workspace.source
    for path in source.parent.iterdir():
        if path == source:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _remove_patched_files(source: Path) -> None:
    """Undo dpkg-source's patches; git restores the tracked files.

    A killed build leaves `.pc`, which claims that the patches are applied: the next build would
    skip them in a tree that git has restored, or fail because of files that a patch makes.
    """
    for patch in (path for path in (source / ".pc").glob("*") if path.is_dir()):
        for saved in patch.rglob("*"):
            patched = source / saved.relative_to(patch)
            if saved.is_file() and lies_below(patched, source):
                patched.unlink(missing_ok=True)


def _git(context: StepContext, *arguments: str, repository: Path | None = None) -> None:
    lines: list[str] = []
    tree = repository or context.workspace.source
    with own_git_dir(tree) as git_dir:
        env = tree_environment(context.env, tree, git_dir)
        command = Command(argv=("git", *arguments), cwd=tree, env=env, on_host=True)
        code = context.commands.run(command, lines.append)
    if code != 0:
        raise StepFailed(
            FailureCode.CHECKOUT_FAILED,
            f"git {arguments[0]} cannot restore the source",
            excerpt=excerpt(lines),
        )

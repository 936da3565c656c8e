"""Carries out `undo_plan` in the tree itself: removes files, and lets git restore others."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pipelines.execution.source_tree.snapshot import is_gits
from pipelines.execution.source_tree.undo_plan import UndoPlan
from pipelines.git.own_git_dir import git_in_tree

_TIME_TO_RESTORE = 600.0


class NotRestorable(Exception):
    """The tree cannot be restored: it must be made anew. The text says why."""


def undo(plan: UndoPlan, source: Path, env: Mapping[str, str]) -> None:
    """Remove and restore. Raises NotRestorable, OSError.

    Links are never followed: the paths were found without following any.
    """
    state = sorted(path for path in plan.restore if is_gits(path))
    if state:
        raise NotRestorable(f"{state[0]} was changed")
    tree = _Tree(source)
    for path in sorted(plan.remove, reverse=True):
        tree.remove(path)
    folders = {p: mode for p, mode in plan.restore.items() if stat.S_ISDIR(mode)}
    files = [path for path in plan.restore if path not in folders]
    for path in sorted(files, reverse=True):
        tree.remove(path)
    for path, mode in sorted(folders.items()):
        tree.make_folder(path, mode)
    _put_back(source, files, env)
    for path, mode in folders.items():
        os.chmod(source / path, stat.S_IMODE(mode))  # noqa: PTH101 - a mode, not a Path's


def _put_back(source: Path, files: list[str], env: Mapping[str, str]) -> None:
    by_repository: dict[Path, list[str]] = {}
    for path in files:
        root = _repository(source, path)
        by_repository.setdefault(root, []).append(str((source / path).relative_to(root)))
    for root, names in by_repository.items():
        # Git skips unknown files, with an exit code: they are checked below.
        git_in_tree(
            root,
            env,
            *("checkout-index", "--force", "--index", "--quiet", "-z", "--stdin"),
            timeout=_TIME_TO_RESTORE,
            given="".join(f"{name}\0" for name in names),
        )
        for name in names:
            if not os.path.lexists(root / name):
                raise NotRestorable(f"{(root / name).relative_to(source)} is not in the commit")


def _repository(source: Path, path: str) -> Path:
    """The innermost one that has the path: the source itself or a submodule."""
    for folder in (source / path).parents:
        if folder == source or os.path.lexists(folder / ".git"):
            return folder
    return source


class _Tree:
    """Makes changes below a folder that never affect anything outside it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._real: dict[str, bool] = {"": True}

    def remove(self, path: str) -> None:
        """Remove the path, a folder only if it is empty."""
        if not self._is_reached(os.path.dirname(path)):  # noqa: PTH120 - 60,000 times
            return
        full = f"{self._root}/{path}"
        with suppress(FileNotFoundError):
            is_folder = stat.S_ISDIR(os.lstat(full).st_mode)
            _remove(full, is_folder=is_folder)

    def make_folder(self, path: str, mode: int) -> None:
        """Make it a folder with this mode, whatever is there now."""
        full = self._root / path
        if self._is_reached(os.path.dirname(path)) and not full.is_symlink() and full.is_dir():  # noqa: PTH120
            return
        self._real.clear()
        self._real[""] = True
        if os.path.lexists(full):
            full.unlink()
        full.mkdir(stat.S_IMODE(mode) | stat.S_IRWXU)

    def _is_reached(self, folder: str) -> bool:
        """Whether all parent folders are folders, not links."""
        known = self._real.get(folder)
        if known is None:
            above = os.path.dirname(folder)  # noqa: PTH120
            known = self._is_reached(above) and _is_folder(f"{self._root}/{folder}")
            self._real[folder] = known
        return known


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _remove(path: str, *, is_folder: bool) -> None:
    try:
        _remove_now(path, is_folder=is_folder)
    except PermissionError:
        # A step may have removed permissions of its folders: they are ours and can be restored.
        Path(path).parent.chmod(0o700)
        _remove_now(path, is_folder=is_folder)


def _remove_now(path: str, *, is_folder: bool) -> None:
    if not is_folder:
        os.unlink(path)  # noqa: PTH108 - 60,000 times
        return
    with suppress(OSError):
        os.rmdir(path)  # noqa: PTH106

"""Whether a new source tree is what git makes of its commit.

That is not the same as being unmodified: git reports files that were committed before
`.gitattributes` set their line endings as modified as soon as it has written them.
"""

from __future__ import annotations

import filecmp
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.processes.capture import capture

_MODIFIED = " M "
_SECONDS = 600.0


def differing_files(source: Path, env: Mapping[str, str]) -> list[str]:
    """The differences between the tree and what git writes for the commit, like `git status`.

    Raises StepFailed (CHECKOUT_FAILED).
    """
    found = _status(source, env)
    modified = [line.removeprefix(_MODIFIED) for line in found if line.startswith(_MODIFIED)]
    modules = [path for path in modified if (source / path / ".git").exists()]
    files = [path for path in modified if path not in modules]
    as_written = _as_git_writes(source, files, env) if files else set()
    inner = {path: differing_files(source / path, env) for path in modules}
    same = {*as_written, *(path for path in modules if not inner[path] and _is_at_its_commit(
        source, path, env))}  # fmt: skip
    return [line for line in found if line.removeprefix(_MODIFIED) not in same]


def _status(source: Path, env: Mapping[str, str]) -> list[str]:
    # Not at the top: it costs a third of a second that `doit list` would pay too.
    from git import GitCommandError, Repo  # noqa: PLC0415

    try:
        with Repo(source) as repository:
            repository.git.update_environment(**env)
            text: str = repository.git.status("--porcelain", "-z", "--untracked-files=all")
    except GitCommandError as error:
        raise StepFailed(
            FailureCode.CHECKOUT_FAILED,
            f"git cannot read the source tree {source}",
            excerpt=str(error.stderr)[-2000:],
        ) from error
    return [line for line in text.split("\0") if line]


def _as_git_writes(source: Path, paths: list[str], env: Mapping[str, str]) -> set[str]:
    """The paths that are equal to what git writes when it checks them out again."""
    with tempfile.TemporaryDirectory(dir=source.parent.parent) as folder:
        capture(
            ("git", "checkout-index", f"--prefix={folder}/", "--quiet", "-z", "--stdin"),
            cwd=source,
            env=env,
            timeout=_SECONDS,
            given="".join(f"{path}\0" for path in paths),
        )
        return {path for path in paths if _is_same(source / path, Path(folder) / path)}


def _is_same(one: Path, other: Path) -> bool:
    if any(path.is_symlink() or not path.is_file() for path in (one, other)):
        return False
    same_mode = one.stat().st_mode == other.stat().st_mode
    return same_mode and filecmp.cmp(one, other, shallow=False)


def _is_at_its_commit(source: Path, module: str, env: Mapping[str, str]) -> bool:
    arguments = ("diff-files", "--quiet", "--ignore-submodules=dirty", "--", module)
    return capture(("git", *arguments), cwd=source, env=env).code == 0

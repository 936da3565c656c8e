"""A folder as destination: a folder of its own for each attempt, complete or not there."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from common.digests import file_sha256
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.workspace.sync import sync_file_system


def publish_to_folder(files: Sequence[Path], target: Path) -> Sequence[str]:
    """Copy files into a new folder `target`; returns their names, none if it is there already.

    Raises StepFailed (BAD_REQUEST) if it is there with other bytes, or two files have one name.
    """
    twice = [name for name, count in Counter(path.name for path in files).items() if count > 1]
    if twice:
        message = f"two artifacts are called {twice[0]}: a folder cannot hold both"
        raise StepFailed(FailureCode.BAD_REQUEST, message)
    if target.exists():
        _refuse_other_bytes(files, target)
        return ()
    new = target.with_name(f".{target.name}.new")
    shutil.rmtree(new, ignore_errors=True)  # what a killed publication left
    new.mkdir(parents=True)
    for path in files:
        shutil.copyfile(path, new / path.name)
        (new / path.name).chmod(0o644)
    sync_file_system(new)
    new.rename(target)
    sync_file_system(target.parent)
    return [path.name for path in files]


def _refuse_other_bytes(files: Sequence[Path], target: Path) -> None:
    for path in files:
        there = target / path.name
        if not there.is_file() or file_sha256(there) != file_sha256(path):
            raise StepFailed(
                FailureCode.BAD_REQUEST,
                f"{target} has another {path.name}. Remove that folder, or build the job again.",
            )

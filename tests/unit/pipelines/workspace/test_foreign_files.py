"""Files that only look as if they were a step's own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.execution.success_records import (
    SuccessRecord,
    boot_id,
    changed_output,
    record_outputs,
)
from pipelines.steps.debian.packaging.source_tree import restore_source
from pipelines.steps.run_outputs import read_outputs
from pipelines.workspace.layout import Workspace
from tests.support.pipelines.tiny_package import make_source, step_context


def test_a_packaging_restores_nothing_behind_a_link_out_of_the_source(tmp_path: Path) -> None:
    """As after a killed build; `.pc` and the link are of the commit."""
    workspace, precious = Workspace(tmp_path / "state", "job_1", 1), tmp_path / "precious"
    precious.mkdir()
    (precious / "letter.txt").write_text("dear")
    workspace.source.mkdir(parents=True)
    (workspace.source / "docs").symlink_to(precious)
    make_source(workspace, more={".pc/a.patch/docs/letter.txt": ""})
    restore_source(step_context(workspace, step="build-deb"))
    assert (precious / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_no_file_in_the_place_of_the_outputs_file(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "output")
    with pytest.raises(StepFailed, match="replaced the file") as caught:
        read_outputs(tmp_path / "output", ["v"])
    assert caught.value.code is FailureCode.BAD_OUTPUT


def test_an_output_that_became_a_pipe_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_text("")
    success = SuccessRecord(
        step="s",
        fingerprint={},
        outputs=record_outputs([path], tmp_path),
        values={},
        reason="",
        boot_id=boot_id(),
        attempt=1,
        duration_seconds=1,
        run="r",
        after={},
        complete=True,
    )
    path.unlink()
    os.mkfifo(path, 0o644)
    assert changed_output(success, tmp_path) == "its output empty is no longer a file"

"""What a workspace says of its job."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.workspace.job_metadata import JobNote, read_note, write_note

NOTE = JobNote(job="a", pipeline="p", branch=None, commit="c", params={"x": "1"})


def test_a_note_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    assert read_note(path) is None
    write_note(path, NOTE)
    assert read_note(path) == NOTE


@pytest.mark.parametrize(
    "content",
    [
        "null",
        "[]",
        "{}",
        '{"job": 5, "pipeline": "p", "branch": null, "commit": null, "params": {}}',
        '{"job": "a", "pipeline": [], "branch": null, "commit": null, "params": {}}',
        '{"job": "a", "pipeline": "p", "branch": null, "commit": null, "params": 5}',
    ],
)
def test_a_note_that_cannot_be_understood_is_none_and_is_written_anew(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "job.json"
    path.write_text(content)
    assert read_note(path) is None
    write_note(path, NOTE)
    assert read_note(path) == NOTE

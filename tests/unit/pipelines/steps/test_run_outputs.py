from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.run_outputs import MAX_BYTES, read_outputs


def outputs(folder: Path, content: str | bytes, *wanted: str) -> dict[str, str]:
    path = folder / "output"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_outputs(path, wanted)


def test_lines_and_texts_of_several_lines(tmp_path: Path) -> None:
    content = "version=1.2\n\nempty=\nnotes<<END\nfirst\n\nEND?\nEND\nequal=a=b $(x)\nversion=1.3"
    assert outputs(tmp_path, content, "version", "empty", "notes", "equal") == {
        "version": "1.3",
        "empty": "",
        "notes": "first\n\nEND?",
        "equal": "a=b $(x)",
    }


def test_nothing_wanted_nothing_given(tmp_path: Path) -> None:
    assert read_outputs(tmp_path / "none", ()) == {}
    assert outputs(tmp_path, "") == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("versoin=1\n", "unknown value 'versoin' of the script; did you mean"),
        ("", r"missing value version of the script: it must write version=... to the file"),
        ("version\n", "line 1 of .STEP_OUTPUT: expected NAME=value, found 'version'"),
        ("version<<END\nx\n", "line 1 of .STEP_OUTPUT: missing end line END"),
        (b"version=\xff\n", "not UTF-8"),
        (b"a=\nversion=1\0\n", "line 2 of .STEP_OUTPUT contains a NUL byte"),
        ("version=" + "x" * MAX_BYTES, "more than 1048576 bytes"),
    ],
)
def test_mistakes(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(StepFailed, match=message) as error:
        outputs(tmp_path, content, "version")
    assert error.value.code is FailureCode.BAD_OUTPUT
    assert len(str(error.value)) < 300

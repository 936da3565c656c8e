from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.debian.packaging.changes import move_files, read_changes, read_packages

CONTENT = b"a package"


def write_changes(folder: Path, name: str = "a_1_all.deb", *, more: str = "") -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    (folder / "a_1_amd64.changes").write_text(
        "Format: 1.8\nSource: a\nVersion: 1:1\nChecksums-Sha256:\n"
        f" {digest} {len(CONTENT)} {name}\n{more}Files:\n {'0' * 32} 9 misc optional {name}\n"
    )
    (folder / "a_1_all.deb").write_bytes(CONTENT)


def test_exactly_what_changes_names_is_moved(tmp_path: Path) -> None:
    built, target = tmp_path / "built", tmp_path / "packages"
    for folder in (built, target):
        folder.mkdir()
    write_changes(built)
    (built / "somebody-elses_1_all.deb").write_bytes(b"")
    (target / "older.deb").write_bytes(b"")

    found = read_changes(built)
    files = move_files(found, target)

    assert found.version == "1:1"
    assert files == (target / "a_1_all.deb", target / "a_1_amd64.changes")
    assert sorted(target.iterdir()) == sorted(files)
    assert [path.name for path in built.iterdir()] == ["somebody-elses_1_all.deb"]


@pytest.mark.parametrize("content", [b"a packagE", b"a package and more", b""])
def test_another_content_is_refused(tmp_path: Path, content: bytes) -> None:
    write_changes(tmp_path)
    (tmp_path / "a_1_all.deb").write_bytes(content)

    with pytest.raises(StepFailed, match=r"a_1_all\.deb differs") as caught:
        read_changes(tmp_path)

    assert caught.value.code is FailureCode.PACKAGING_FAILED


@pytest.mark.parametrize("name", ["gone_1_all.deb", "../a_1_all.deb", "/etc/hostname"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    write_changes(tmp_path, name)

    with pytest.raises(StepFailed) as caught:
        read_changes(tmp_path)

    assert caught.value.code is FailureCode.ARTIFACT_MISSING


def test_there_must_be_one_changes_file(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="found none"):
        read_changes(tmp_path)
    write_changes(tmp_path)
    (tmp_path / "b_1_amd64.changes").touch()

    with pytest.raises(StepFailed, match=r"a_1_amd64\.changes, b_1_amd64\.changes"):
        read_changes(tmp_path)


def test_a_broken_package(tmp_path: Path) -> None:
    path = tmp_path / "a_1_all.deb"
    path.write_bytes(CONTENT)

    with pytest.raises(StepFailed, match="invalid package"):
        read_packages([path], dict(os.environ))

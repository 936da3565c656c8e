"""The real `git cat-file` behind the reader, and what its end leaves."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from coordination_tasks.repository.git.object_reader import MissingObject, ObjectReader
from tests.support.coordination.world import git


@pytest.fixture
def reader(tmp_path: Path) -> ObjectReader:
    git(tmp_path, "init", "--quiet", "--bare", "clone.git")
    return ObjectReader(tmp_path / "clone.git")


@pytest.fixture
def blob(reader: ObjectReader, tmp_path: Path) -> str:
    (tmp_path / "content").write_bytes(b"one\ntwo\n")
    return git(tmp_path / "clone.git", "hash-object", "-w", str(tmp_path / "content")).strip()


def kill_cat_file() -> None:
    for process in psutil.Process().children():
        if "cat-file" in " ".join(process.cmdline()):
            process.kill()
            # the reader alone may reap its process; a zombie has closed its pipes
            while process.status() != psutil.STATUS_ZOMBIE:
                pass


def test_a_killed_git_is_no_damage(reader: ObjectReader, blob: str) -> None:
    for _ in range(2):
        assert reader.read(blob) == b"one\ntwo\n"
        kill_cat_file()
    assert reader.read(blob) == b"one\ntwo\n"
    reader.close()
    reader.close()


def test_a_missing_object_is_not_the_end_of_the_reader(reader: ObjectReader, blob: str) -> None:
    with pytest.raises(MissingObject):
        reader.read("1" * 40)
    assert reader.read(blob) == b"one\ntwo\n"
    reader.close()


def test_a_file_of_a_commit_is_one_question(reader: ObjectReader, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "tree")
    (tree / "b").mkdir()
    (tree / "b" / "status.json").write_text("{}\n")
    git(tree, "add", ".")
    git(tree, "-c", "user.name=n", "-c", "user.email=e@x", "commit", "--quiet", "-m", "m")
    git(tree, "push", "--quiet", str(tmp_path / "clone.git"), "main:x")
    commit = git(tree, "rev-parse", "HEAD").strip()
    assert reader.find(f"{commit}:b/status.json") == b"{}\n"
    assert reader.find(f"{commit}:b/other.json") is None
    assert reader.find(f"{'1' * 40}:b/status.json") is None
    reader.close()

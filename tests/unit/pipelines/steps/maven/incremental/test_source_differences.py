"""What two trees have beside their commits; with real git."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.domain.errors import StepFailed
from pipelines.steps.maven.incremental.source_differences import own_differences
from tests.support.pipelines.maven_source import commit_all

BEGAN = 1_000_000_000.0


def write(path: Path, text: str, at: float = BEGAN - 10) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    own, other = tmp_path / "own", tmp_path / "other"
    for tree in (own, other):
        write(tree / "a" / "committed", "the same")
        write(tree / ".gitignore", "target/\n*.gen\n")
        commit_all(tree)
    return own, other


def differences(trees: tuple[Path, Path]) -> list[str]:
    return own_differences(*trees, BEGAN, dict(os.environ))


def test_equal_trees(trees: tuple[Path, Path]) -> None:
    for tree in trees:
        write(tree / "a" / "made", "by a step")
        write(tree / "a" / "committed", "by a step, too")
    assert differences(trees) == []


def test_what_steps_before_have_made(trees: tuple[Path, Path]) -> None:
    own, other = trees
    write(own / "a" / "flavour.gen", "sour")
    write(other / "a" / "flavour.gen", "sweet")
    write(own / "only here", "x")
    write(other / "only there", "x")
    write(own / "a" / "committed", "changed")
    assert differences(trees) == ["a/committed", "a/flavour.gen", "only here", "only there"]


def test_what_was_taken_away(trees: tuple[Path, Path]) -> None:
    (trees[0] / "a" / "committed").unlink()
    assert differences(trees) == ["a/committed"]


def test_what_the_other_build_has_made_is_not_missed(trees: tuple[Path, Path]) -> None:
    _, other = trees
    write(other / "a" / "reduced-pom.xml", "x", at=BEGAN + 5)
    write(other / "a" / "committed", "stamped by the build", at=BEGAN + 5)
    write(other / "a" / "target" / "A.class", "x")
    assert differences(trees) == []


def test_a_tree_that_git_does_not_know_is_told(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    with pytest.raises(StepFailed, match="git can't tell what was changed in"):
        own_differences(tmp_path / "own", tmp_path / "own", BEGAN, {"PATH": os.environ["PATH"]})

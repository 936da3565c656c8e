from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.git.changed_paths import ChangedPath, changed_paths
from pipelines.git.tracked_files import files_that_match, input_files, matching_files
from tests.conftest import AUTHOR, git

EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


class Tree:
    """A source tree that is a real repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env: Mapping[str, str] = {"PATH": os.environ["PATH"], "HOME": "/"}
        git("init", "--quiet", "--initial-branch=main", str(folder))

    def write(self, name: str | bytes, content: str = "") -> Path:
        path = self.folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def commit(self) -> str:
        git("-C", str(self.folder), "add", "--all")
        git(*AUTHOR, "-C", str(self.folder), "commit", "--quiet", "--allow-empty", "-m", "x")
        return git("-C", str(self.folder), "rev-parse", "HEAD")

    def files(self, *patterns: str) -> dict[str, str]:
        return input_files(self.folder, patterns, self.env)


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    yield Tree(tmp_path / "source")


def test_what_git_knows_of_each_file_that_matches(tree: Tree) -> None:
    for name in ("a", "docs/b", "docs/deep/c"):
        tree.write(name)
    tree.commit()

    assert tree.files("docs/**", "a") == {"a": EMPTY, "docs/b": EMPTY, "docs/deep/c": EMPTY}
    assert tree.files("**/c") == {"docs/deep/c": EMPTY}
    assert tree.files() == {}


def test_a_file_in_the_tree_counts_as_if_it_were_added(tree: Tree) -> None:
    tree.write("changed", "old")
    tree.write("gone")
    tree.write(".gitignore", "made")
    tree.commit()
    for name in ("changed", "made"):
        tree.write(name, name)
    (tree.folder / "gone").unlink()
    (tree.folder / "link").symlink_to("made")
    as_it_is = tree.files("*")
    git("-C", str(tree.folder), "add", "--force", "--all")
    tree.commit()

    assert as_it_is.pop("gone") == "gone"
    assert as_it_is == tree.files("*")


@pytest.mark.parametrize("committed", [True, False])
def test_the_mode_counts(tree: Tree, *, committed: bool) -> None:
    tool = tree.write("tool.sh")
    tree.commit()
    assert tree.files("tool.sh") == {"tool.sh": EMPTY}

    tool.chmod(0o755)
    if committed:
        tree.commit()

    assert tree.files("tool.sh") == {"tool.sh": f"100755 {EMPTY}"}


def test_names_that_are_no_text_stay_apart(tree: Tree) -> None:
    for name in (b"\xfe.txt", b"\xff.txt", rb"\xff.txt", "ü.txt".encode()):
        tree.write(name, repr(name))
    tree.commit()
    before = tree.files("*.txt")
    assert list(before) == [r"\\xff.txt", "ü.txt", r"\xfe.txt", r"\xff.txt"]

    tree.write(b"\xfe.txt", "changed")

    after = tree.files("*.txt")
    assert {name for name in after if after[name] != before[name]} == {r"\xfe.txt"}


def test_many_files_are_one_entry(tree: Tree) -> None:
    for number in range(501):
        tree.write(f"f{number}")
    tree.commit()
    before = tree.files("f*")
    assert list(before) == ["501 files"]

    (tree.folder / "f7").chmod(0o755)

    assert tree.files("f*") != before


def test_a_pattern_that_matches_nothing_is_named(tree: Tree) -> None:
    tree.write("in/a.txt")
    tree.commit()
    with pytest.raises(StepFailed, match=r"the input 'inn/\*\.txt' of the step") as caught:
        tree.files("in/*.txt", "inn/*.txt")
    assert caught.value.code is FailureCode.ARTIFACT_MISSING
    assert tree.files("in/*.txt")

    (tree.folder / "in/a.txt").unlink()
    assert tree.files("in/*.txt") == {"in/a.txt": "gone"}


def test_a_tree_that_git_can_not_read(tree: Tree, tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="no source tree is checked out yet"):
        input_files(tmp_path / "none", ["*"], tree.env)
    (tree.folder / ".git/HEAD").unlink()
    with pytest.raises(StepFailed, match="git cannot list the files") as caught:
        tree.files("*")
    assert caught.value.code is FailureCode.CHECKOUT_FAILED


def test_a_warning_of_git_is_no_file(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("[core]\n\tfsync = objects,wibble\n")
    tree.env = {**tree.env, "HOME": str(tmp_path)}
    tree.write("a")
    first = tree.commit()
    tree.write("a", "changed")
    assert list(tree.files("a")) == ["a"]
    second = tree.commit()

    assert list(tree.files("a")) == ["a"]
    assert changed_paths(tree.folder, first, second, tree.env) == (ChangedPath("a"),)


def test_changed_paths_are_names_in_bytes(tree: Tree) -> None:
    first = tree.commit()
    tree.write(b"\xfe.txt")
    second = tree.commit()

    paths = changed_paths(tree.folder, first, second, tree.env)

    assert paths is not None
    assert [os.fsencode(changed.path) for changed in paths] == [b"\xfe.txt"]
    assert changed_paths(tree.folder, None, second, tree.env) is None
    assert changed_paths(tree.folder, "0" * 40, second, tree.env) is None


def test_a_commit_from_a_record_is_no_option(tree: Tree, tmp_path: Path) -> None:
    commit = tree.commit()
    written = tmp_path / "written"
    assert changed_paths(tree.folder, f"--output={written}", commit, tree.env) is None
    assert list(tmp_path.iterdir()) == [tree.folder]


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A source tree with files, a folder, and links to both and to a folder outside."""
    source = tmp_path / "source"
    for name in ("out/a", "out/deep/b", "out/.hidden", "other/c"):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    outside = tmp_path / "outside" / "folder"
    outside.mkdir(parents=True)
    (outside / "theirs").write_text("theirs")
    (source / "host").symlink_to(outside.parent)
    (source / "inner").symlink_to("out")
    (source / "circle").symlink_to(".")
    return source


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("out/**", ["out/.hidden", "out/a", "out/deep/b"]),
        ("**/b", ["out/deep/b"]),
        ("*/*", ["inner/.hidden", "inner/a", "other/c", "out/.hidden", "out/a"]),
        ("inner/**", ["inner/.hidden", "inner/a", "inner/deep/b"]),
        ("out/a", ["out/a"]),
        ("host/**", []),
        ("ho*/**/*", []),
        ("nothing/**", []),
    ],
)
def test_files_are_found_but_not_behind_a_link_out_of_the_tree(
    linked: Path, pattern: str, names: list[str]
) -> None:
    found = [str(path.relative_to(linked)) for path in files_that_match(linked, pattern)]
    assert sorted(name for name in found if not name.startswith("circle")) == names


def test_an_output_behind_a_link_out_of_the_tree_is_refused_in_one_line(linked: Path) -> None:
    with pytest.raises(StepFailed) as caught:
        matching_files(linked, ["host/**"])
    assert caught.value.code is FailureCode.BAD_OUTPUT
    assert caught.value.message == (
        "'host/**' leads through 'host', a link to a folder outside the source tree."
        " Copy the files instead."
    )
    with pytest.raises(StepFailed, match="'out' is a folder"):
        matching_files(linked, ["out"])
    with pytest.raises(StepFailed, match="no file in the source tree matches the output 'x'"):
        matching_files(linked, ["x"])

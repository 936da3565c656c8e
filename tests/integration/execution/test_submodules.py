"""A submodule that moved counts for every pattern that can name something in it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.errors import StepFailed
from pipelines.git.changed_paths import can_name_below, changed_paths, matches
from pipelines.git.tracked_files import input_files
from tests.support.pipelines.git_source import GitSource

BELOW = ["lib/**", "lib", "lib/*", "lib/a.txt", "**", "*", "**/*.txt", "l*", "**/a.txt", "?ib/**"]
ELSEWHERE = ["a.txt", "src/**", "library/**", "li"]


@pytest.fixture
def library(tmp_path: Path) -> GitSource:
    library = GitSource(tmp_path / "library")
    library.commit({"a.txt": "1"})
    return library


@pytest.fixture
def source(tmp_path: Path, library: GitSource) -> GitSource:
    source = GitSource(tmp_path / "source")
    source.commit({"a.txt": "1", "src/b.txt": "1", "library/c.txt": "1", "lib.txt": "1", "li": "1"})
    source.git("submodule", "--quiet", "add", str(library.path), "lib")
    source.commit({})
    return source


def move(source: GitSource, library: GitSource) -> tuple[str, str]:
    before = source.git("rev-parse", "HEAD")
    library.commit({"a.txt": "2"})
    source.git("-C", "lib", "pull", "--quiet", "origin", "main")
    return before, source.commit({})


@pytest.mark.parametrize("is_checked_out", [True, False])
@pytest.mark.parametrize("pattern", [*BELOW, *ELSEWHERE])
def test_changed(source: GitSource, library: GitSource, pattern: str, is_checked_out: bool) -> None:
    before, after = move(source, library)
    if not is_checked_out:
        source.git("submodule", "--quiet", "deinit", "--all", "--force")
    changed = changed_paths(source.path, before, after, os.environ)
    assert changed is not None
    assert any(matches(each, [pattern]) for each in changed) == (pattern in BELOW)


def test_a_submodule_that_came_or_went_is_one(source: GitSource) -> None:
    now = source.git("rev-parse", "HEAD")
    for commits in ((f"{now}~1", now), (now, f"{now}~1")):
        changed = changed_paths(source.path, *commits, os.environ)
        assert changed is not None
        assert any(matches(each, ["lib/**/x.txt"]) for each in changed)


def inputs(source: GitSource, *patterns: str) -> Mapping[str, str]:
    return input_files(source.path, patterns, os.environ)


@pytest.mark.parametrize("pattern", BELOW)
def test_inputs(source: GitSource, library: GitSource, pattern: str) -> None:
    first = inputs(source, pattern)
    move(source, library)
    moved = inputs(source, pattern)
    assert first != moved
    (source.path / "lib" / "a.txt").write_text("3")
    assert inputs(source, pattern) != moved
    source.git("-C", "lib", "checkout", "--quiet", "a.txt")
    assert inputs(source, pattern) == moved
    (source.path / "lib" / "new.txt").write_text("3")
    assert inputs(source, pattern) != moved


def test_inputs_elsewhere_do_not_depend_on_it(source: GitSource, library: GitSource) -> None:
    patterns = ("a.txt", "src/**", "library/**")
    first = inputs(source, *patterns)
    move(source, library)
    assert inputs(source, *patterns) == first
    with pytest.raises(StepFailed, match=r"matches the input 'libx/\*\*'"):
        inputs(source, "lib/**", "libx/**")


def test_inputs_in_a_submodule_that_is_not_checked_out(
    source: GitSource, library: GitSource
) -> None:
    source.git("submodule", "--quiet", "deinit", "--all", "--force")
    assert inputs(source, "lib/**") == {"lib": library.git("rev-parse", "HEAD")}


NAMES = ["".join(name) for n in range(1, 4) for name in itertools.product("ab/", repeat=n)]


@given(st.text(alphabet="ab/*?[]!", max_size=7), st.sampled_from(["a", "b/a", "ab"]))
def test_a_pattern_that_names_something_below_is_found(pattern: str, folder: str) -> None:
    if any(fnmatchcase(f"{folder}/{name}", pattern) for name in NAMES):
        assert can_name_below(pattern, folder)

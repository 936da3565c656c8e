"""Commits, tags and submodules as real histories have them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import StepContext, StepResult
from pipelines.git.differing_files import differing_files
from pipelines.git.head_commit import read_head_commit
from pipelines.steps.checkout import GIT_CHECKOUT, CheckoutOptions
from tests.integration.steps.test_checkout import FILE_SUBMODULES, check_out
from tests.support.pipelines.git_source import GitSource
from tests.support.pipelines.step_context import Request, Steps


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> GitSource:
    return GitSource(tmp_path / "origin")


def checked_out(
    steps: Steps, source: GitSource, commit: str, job: str = "job_1", *, submodules: bool = False
) -> tuple[StepContext, StepResult]:
    context = steps.context(
        source.path,
        request=Request(job, commit=commit),
        submodules=submodules,
        env=FILE_SUBMODULES if submodules else {},
    )
    return context, check_out(context)


def commit_crlf(source: GitSource) -> str:
    (source.path / "sub").mkdir()
    for name in ("a.txt", "sub/b c.txt"):
        (source.path / name).write_bytes(b"1\r\n2\r\n")
    source.commit({})
    (source.path / ".gitattributes").write_text("*.txt text eol=lf\n")
    source.git("add", ".gitattributes")  # and nothing else: git would mend the others
    source.git("commit", "-q", "-m", "line endings")
    return source.git("rev-parse", "HEAD")


def test_line_endings_from_before_gitattributes_named_them(steps: Steps, source: GitSource) -> None:
    context, _ = checked_out(steps, source, commit_crlf(source))
    assert (context.workspace.source / "a.txt").read_bytes() == b"1\r\n2\r\n"


def test_the_same_in_a_submodule(steps: Steps, source: GitSource, tmp_path: Path) -> None:
    library = GitSource(tmp_path / "library")
    commit_crlf(library)
    source.git("submodule", "--quiet", "add", str(library.path), "lib")
    commit = source.commit({"a": "1"})
    context, _ = checked_out(steps, source, commit, submodules=True)
    assert (context.workspace.source / "lib/sub/b c.txt").read_bytes() == b"1\r\n2\r\n"


def test_a_tree_that_is_not_the_commit_is_refused(steps: Steps, source: GitSource) -> None:
    """A filter of the builder's git leaves a file in the new tree."""
    source.commit({".gitattributes": "*.txt filter=odd\n"})
    commit = source.commit({"a.txt": "1"})
    smudge = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "filter.odd.smudge",
        "GIT_CONFIG_VALUE_0": "cat; touch 'odd one'",
    }
    context = steps.context(source.path, request=Request(commit=commit), env=smudge)
    with pytest.raises(StepFailed, match=r"differs from commit \w+ in 1 files") as caught:
        check_out(context)
    assert caught.value.excerpt == "odd one: not in the commit"


@pytest.mark.parametrize(
    ("script", "differences"),
    [
        ("true", []),
        ("echo more >> a.txt", []),
        ("touch lib/extra", ["lib/extra: not in the commit"]),
        ("rm lib/lib.txt a.txt", ["a.txt: missing", "lib/lib.txt: missing"]),
        (
            "git -C lib -c user.name=a -c user.email=a@b commit -qm x --allow-empty",
            ["lib: another commit"],
        ),
    ],
)
def test_differences_of_a_tree_with_a_submodule(
    steps: Steps, source: GitSource, tmp_path: Path, script: str, differences: list[str]
) -> None:
    library = GitSource(tmp_path / "library")
    library.commit({"lib.txt": "1"})
    source.git("submodule", "--quiet", "add", str(library.path), "lib")
    context, _ = checked_out(steps, source, source.commit({"a.txt": "1"}), submodules=True)
    tree = context.workspace.source
    subprocess.run(["sh", "-euc", script], cwd=tree, check=True)
    found = differing_files(tree, context.env, submodules=True)
    assert found == differences


@pytest.mark.parametrize("zone", ["-7000", "+9999", "-0000", "+051800", "+0545"])
def test_time_zones_of_real_histories(steps: Steps, source: GitSource, zone: str) -> None:
    tree = source.git("rev-parse", f"{source.commit({'a': '1'})}^{{tree}}")
    text = (
        f"tree {tree}\nauthor A <a@b> 1761739200 {zone}\ncommitter A <a@b> 1761739200 {zone}\n\nx\n"
    )
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--literally", "--stdin"],
        cwd=source.path, input=text, text=True, check=True, capture_output=True,
    ).stdout.strip()  # fmt: skip
    source.git("update-ref", "refs/heads/main", made)
    context, result = checked_out(steps, source, made)
    assert result.values["commit_time"] == "2025-10-29T12:00:00Z"
    head = read_head_commit(context.workspace.source, os.environ)
    assert (head.sha, int(head.time.timestamp())) == (made, 1761739200)


def test_the_id_of_an_annotated_tag_is_refused_with_its_commit(
    steps: Steps, source: GitSource
) -> None:
    commit = source.commit({"a": "1"})
    source.git("tag", "-m", "x", "v1")
    source.git("tag", "-m", "x", "v1-again", "v1")
    for name in ("v1", "v1-again"):
        tag = source.git("rev-parse", name)
        with pytest.raises(StepFailed, match=f"{tag} is an annotated tag.* {commit}") as caught:
            checked_out(steps, source, tag)
        assert caught.value.code is FailureCode.COMMIT_NOT_FOUND
        assert not caught.value.retryable


def submodule_failure(steps: Steps, source: GitSource, url: str) -> StepFailed:
    library = GitSource(source.path.parent / "library")
    library.commit({"lib.txt": "1"})
    source.git("submodule", "--quiet", "add", str(library.path), "lib")
    source.git("config", "--file", ".gitmodules", "submodule.lib.url", url)
    commit = source.commit({})
    context = steps.context(
        source.path,
        request=Request(commit=commit),
        submodules=True,
        env={"GIT_SSH_COMMAND": "echo 'me@host: Permission denied (publickey).' >&2; false"},
    )
    with pytest.raises(StepFailed, match="cannot check out the submodules: ") as caught:
        check_out(context)
    assert caught.value.code is FailureCode.SOURCE_UNREACHABLE
    return caught.value


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("../library", "or allow this one in the configuration of the builder's git"),
        ("ssh://me@host/x.git", "give this builder access."),
        ("ext::false", "or allow this one in the configuration of the builder's git"),
    ],
)
def test_a_submodule_that_can_never_be_cloned(
    steps: Steps, source: GitSource, url: str, remedy: str
) -> None:
    failure = submodule_failure(steps, source, url)
    assert not failure.retryable
    assert remedy in failure.message


def test_a_submodule_whose_host_is_down_may_be_tried_again(steps: Steps, source: GitSource) -> None:
    library = GitSource(source.path.parent / "library")
    library.commit({"lib.txt": "1"})
    source.git("submodule", "--quiet", "add", str(library.path), "lib")
    source.git("config", "--file", ".gitmodules", "submodule.lib.url", "http://127.0.0.1:1/x.git")
    commit = source.commit({})
    context = steps.context(source.path, request=Request(commit=commit), submodules=True)
    with pytest.raises(StepFailed, match="submodules") as caught:
        check_out(context)
    assert caught.value.retryable


def test_without_the_source_tags_are_told_to_be_old_and_no_branch_is_shown(
    steps: Steps, source: GitSource
) -> None:
    commit = source.commit({"a": "1"})
    context, _ = checked_out(steps, source, commit)
    git = ["git", "-C", str(context.workspace.source)]
    assert "origin/main" in subprocess.check_output([*git, "branch", "-r"], text=True)
    shutil.rmtree(source.path)
    context, result = checked_out(steps, source, commit, "job_2")
    git = ["git", "-C", str(context.workspace.source)]
    assert result.reason.endswith("the source did not answer: using the tags already known")
    assert subprocess.check_output([*git, "branch", "-r"], text=True) == ""
    url = subprocess.check_output([*git, "remote", "get-url", "origin"], text=True)
    assert url.strip() == str(source.path)


def test_tags_are_part_of_the_identity(steps: Steps, source: GitSource) -> None:
    def identity() -> dict[str, str]:
        GIT_CHECKOUT.refresh(CheckoutOptions(), context)
        return dict(GIT_CHECKOUT.identity(CheckoutOptions(), context))

    commit = source.commit({"a": "1"})
    context, result = checked_out(steps, source, commit)
    without = identity()
    source.git("tag", "light")
    assert identity()["described"] == f"light-0-g{commit[:7]}"
    source.git("tag", "-m", "x", "other")
    two = identity()
    source.git("tag", "--force", "-m", "y", "other")
    assert identity() != two
    source.git("tag", "-d", "other", "light")
    assert identity() == without
    source.git("checkout", "-q", "-b", "later")
    source.commit({"a": "2"})
    source.git("tag", "-m", "x", "later-tag")
    assert identity() == without
    _, again = checked_out(steps, source, commit, "job_2")
    assert again.digest == result.digest

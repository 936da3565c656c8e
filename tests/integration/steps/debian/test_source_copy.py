"""The copy of a source for a clean root, made by git."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import StepContext
from pipelines.git.own_git_dir import keep_configuration
from pipelines.steps.debian.build.source_copy import copy_source
from pipelines.workspace.layout import Workspace
from tests.support.pipelines.tiny_package import git, make_source, step_context

ALLOWED = ("-c", "protocol.file.allow=always")


def context_with(workspace: Workspace, **options: bool) -> StepContext:
    context = step_context(workspace)
    return replace(context, source=context.source.model_copy(update=options))


def add_submodule(workspace: Workspace, inner: Path, path: str) -> None:
    git(workspace.source, *ALLOWED, "submodule", "add", "--quiet", str(inner), path)
    git(workspace.source, "commit", "--quiet", "-m", path)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "state", "job_1", 1)
    make_source(workspace)
    return workspace


def test_the_copy_has_the_refs_and_the_commit_but_no_files_of_steps(
    workspace: Workspace, tmp_path: Path
) -> None:
    source, copy = workspace.source, tmp_path / "copy"
    git(source, "tag", "v1")
    git(source, "update-ref", "refs/remotes/origin/other", "HEAD")
    git(source, "commit", "--quiet", "--allow-empty", "-m", "second")
    git(source, "remote", "add", "origin", "https://git.example.org/tiny.git")
    git(source, "checkout", "--quiet", "--detach")
    git(source, "branch", "--quiet", "--delete", "--force", "main")
    keep_configuration(source)
    (source / "made.txt").write_text("by a step")
    (source / "hello.txt").write_text("changed by a step")

    copy_source(context_with(workspace), copy)

    for asked in (("rev-parse", "HEAD"), ("show-ref",), ("describe", "--tags"), ("remote", "-v")):
        assert git(copy, *asked) == git(source, *asked)
    assert git(copy, "status", "--porcelain") == ""
    assert (copy / "hello.txt").read_text() == "hello\n"
    assert not (copy / ".git" / "objects" / "info" / "alternates").exists()


def test_the_copy_has_nested_submodules(workspace: Workspace, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    innermost, inner = (Workspace(tmp_path / name, "job_1", 1) for name in ("innermost", "inner"))
    make_source(innermost, more={"innermost.txt": "of the innermost"})
    make_source(inner)
    add_submodule(inner, innermost.source, "deep")
    add_submodule(workspace, inner.source, "lib/inner")
    git(workspace.source, *ALLOWED, "submodule", "--quiet", "update", "--init", "--recursive")
    keep_configuration(workspace.source)

    copy_source(context_with(workspace, submodules=True), copy)
    shutil.rmtree(workspace.state_dir)

    assert (copy / "lib" / "inner" / "deep" / "innermost.txt").read_text() == "of the innermost"
    states = git(copy, "submodule", "status", "--recursive").splitlines()
    assert [line[0] for line in states] == [" ", " "]
    assert git(copy, "status", "--porcelain") == ""


def test_no_submodule_is_copied_through_a_link(workspace: Workspace, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    inner = Workspace(tmp_path / "inner", "job_1", 1)
    make_source(inner)
    source = workspace.source
    (source / "lib").symlink_to(outside)
    git(source, "add", ".")
    git(source, "commit", "--quiet", "-m", "a link")
    (source / "lib").unlink()
    shutil.copytree(inner.source, source / "lib" / "inner")
    git(source, *ALLOWED, "add", "--force", "lib/inner")
    (source / ".gitmodules").write_text("")

    with pytest.raises(StepFailed, match="cannot copy the source") as caught:
        copy_source(context_with(workspace, submodules=True), tmp_path / "copy")

    assert caught.value.code is FailureCode.CHECKOUT_FAILED
    assert caught.value.excerpt == "lib/inner leads out of the source"
    assert list(outside.iterdir()) == []


@pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")
def test_the_copy_has_the_files_of_lfs(workspace: Workspace, tmp_path: Path) -> None:
    source, copy = workspace.source, tmp_path / "copy"
    git(source, "lfs", "install", "--local", "--skip-repo")
    (source / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (source / "large.bin").write_text("the content")
    git(source, "add", ".")
    git(source, "commit", "--quiet", "-m", "a large file")
    assert "oid sha256" in git(source, "show", "HEAD:large.bin")

    copy_source(context_with(workspace, lfs=True), copy)

    assert (copy / "large.bin").read_text() == "the content"

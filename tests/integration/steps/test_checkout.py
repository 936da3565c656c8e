from __future__ import annotations

import os
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.domain.errors import BadValue, FailureCode, StepFailed
from pipelines.domain.pipeline import StepContext, StepResult
from pipelines.steps.checkout import GIT_CHECKOUT, CheckoutOptions
from tests.support.pipelines.git_source import GitSource
from tests.support.pipelines.step_context import Request, Steps

FILE_SUBMODULES = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "protocol.file.allow",
    "GIT_CONFIG_VALUE_0": "always",
}


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> GitSource:
    return GitSource(tmp_path / "origin")


def check_out(context: StepContext) -> StepResult:
    return GIT_CHECKOUT.run(CheckoutOptions(), context)


def files(context: StepContext) -> set[str]:
    root = context.workspace.source
    return {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(root).parts
    }


def only_mirror(steps: Steps) -> Path:
    (mirror,) = (steps.state_dir / "mirrors").glob("*.git")
    return mirror


def test_a_clean_tree_at_the_commit(steps: Steps, source: GitSource) -> None:
    first = source.commit({"a.txt": "1", "sub/b.txt": "2"})
    source.commit({"a.txt": "3", "c.txt": "4"})
    context = steps.context(source.path, request=Request(commit=first.upper()))

    result = check_out(context)

    assert files(context) == {"a.txt", "sub/b.txt"}
    assert (context.workspace.source / "a.txt").read_text() == "1"
    assert result.reason == f"checked out {first[:12]} of main"
    assert result.outputs == (context.workspace.source / ".git" / "HEAD",)
    assert result.outputs[0].read_text().strip() == first
    assert result.values == {
        "commit": first,
        "tree": source.git("rev-parse", f"{first}^{{tree}}"),
        "commit_time": "2025-10-29T12:00:00Z",
        "branch": "main",
        "repository": str(source.path),
    }


def test_nothing_of_an_older_try_is_left(steps: Steps, source: GitSource) -> None:
    commit = source.commit({"a.txt": "1"})
    context = steps.context(source.path, request=Request(commit=commit))
    check_out(context)
    tree = context.workspace.source
    (tree / "a.txt").write_text("changed")
    (tree / "target").mkdir()
    (tree / "target" / "old.jar").touch()
    (tree.parent / "old_1.0_all.deb").touch()

    check_out(context)

    assert files(context) == {"a.txt"}
    assert (tree / "a.txt").read_text() == "1"
    assert list(tree.parent.iterdir()) == [tree]
    assert not context.workspace.discarded.exists()


def test_the_mirror_is_fetched_into_not_cloned_again(steps: Steps, source: GitSource) -> None:
    check_out(steps.context(source.path, request=Request(commit=source.commit({"a": "1"}))))
    inode = only_mirror(steps).stat().st_ino
    commit = source.commit({"a": "2"})
    check_out(steps.context(source.path, request=Request("job_2", commit=commit)))
    assert only_mirror(steps).stat().st_ino == inode
    # What is known needs no remote.
    shutil.rmtree(source.path)
    check_out(steps.context(source.path, request=Request("job_3", commit=commit)))


def test_a_commit_that_no_branch_holds_any_more(steps: Steps, source: GitSource) -> None:
    check_out(steps.context(source.path, request=Request(commit=source.commit({"a": "1"}))))
    lost = source.commit({"a": "2"})
    source.git("reset", "-q", "--hard", "HEAD~1")
    context = steps.context(source.path, request=Request("job_2", commit=lost))
    check_out(context)
    assert (context.workspace.source / "a").read_text() == "2"


def test_a_source_that_is_shallow(steps: Steps, source: GitSource, tmp_path: Path) -> None:
    source.commit({"a": "1"})
    source.commit({"a": "2"})
    shallow = GitSource(tmp_path / "shallow")
    shallow.git("fetch", "-q", "--depth=1", f"file://{source.path}", "main")
    shallow.git("reset", "-q", "--hard", "FETCH_HEAD")
    commit = shallow.git("rev-parse", "HEAD")
    check_out(steps.context(shallow.path, request=Request(commit=commit)))
    later = shallow.commit({"a": "3"})
    context = steps.context(shallow.path, request=Request("job_2", commit=later))

    check_out(context)

    assert (context.workspace.source / "a").read_text() == "3"


@pytest.mark.parametrize("protocol", ["0", "2"])
def test_a_commit_that_the_remote_lacks(steps: Steps, source: GitSource, protocol: str) -> None:
    source.commit({"a": "1"})
    env = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "protocol.version",
        "GIT_CONFIG_VALUE_0": protocol,
    }
    context = steps.context(source.path, request=Request(commit="a" * 40), env=env)
    with pytest.raises(StepFailed, match=f"unknown commit {'a' * 40} in {source.path}") as caught:
        check_out(context)
    assert caught.value.code is FailureCode.COMMIT_NOT_FOUND
    assert not caught.value.retryable


def test_a_server_that_gives_out_only_branches(steps: Steps, source: GitSource) -> None:
    check_out(steps.context(source.path, request=Request(commit=source.commit({"a": "1"}))))
    wanted = source.commit({"a": "2"})
    source.commit({"a": "3"})
    env = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "protocol.version",
        "GIT_CONFIG_VALUE_0": "0",
    }
    context = steps.context(source.path, request=Request("job_2", commit=wanted), env=env)
    check_out(context)
    assert (context.workspace.source / "a").read_text() == "2"
    assert "unadvertised object" in context.commands.log.read_text()


def test_a_branch_that_became_a_folder_of_branches(steps: Steps, source: GitSource) -> None:
    source.commit({"a": "1"})
    source.git("branch", "x")
    check_out(steps.context(source.path, request=Request(commit=source.git("rev-parse", "x"))))
    source.git("branch", "-m", "x", "x/y")
    context = steps.context(source.path, request=Request("job_2", commit="b" * 40))
    with pytest.raises(StepFailed) as caught:
        check_out(context)
    assert caught.value.code is FailureCode.COMMIT_NOT_FOUND


def test_there_is_no_such_branch(steps: Steps, source: GitSource) -> None:
    with pytest.raises(StepFailed, match=f"unknown branch main in {source.path}") as caught:
        check_out(steps.context(source.path, request=Request(commit=None)))
    assert caught.value.code is FailureCode.COMMIT_NOT_FOUND


def test_a_source_that_was_away_at_claim_time_and_still_is(steps: Steps, tmp_path: Path) -> None:
    with pytest.raises(StepFailed) as caught:
        check_out(steps.context(tmp_path / "away", request=Request(commit=None)))
    assert caught.value.code is FailureCode.SOURCE_UNREACHABLE


def test_a_branch_that_is_seen_only_after_the_claim_is_not_built(
    steps: Steps, source: GitSource
) -> None:
    source.commit({"a": "1"})
    with pytest.raises(StepFailed, match="when the job was claimed") as caught:
        check_out(steps.context(source.path, request=Request(commit=None)))
    assert caught.value.code is FailureCode.SOURCE_UNREACHABLE
    assert caught.value.retryable


def test_an_object_that_is_no_commit(steps: Steps, source: GitSource) -> None:
    source.commit({"a": "1"})
    blob = source.git("rev-parse", "HEAD:a")
    with pytest.raises(StepFailed) as caught:
        check_out(steps.context(source.path, request=Request(commit=blob)))
    assert caught.value.code is FailureCode.COMMIT_NOT_FOUND


def test_an_empty_repository(steps: Steps, source: GitSource) -> None:
    with pytest.raises(StepFailed) as caught:
        check_out(steps.context(source.path, request=Request(commit="a" * 40)))
    assert caught.value.code is FailureCode.COMMIT_NOT_FOUND


@pytest.mark.parametrize(
    "request_", [Request(commit="--upload-pack=x"), Request(commit="0" * 40, branch="../x")]
)
def test_bad_values_never_reach_git(steps: Steps, source: GitSource, request_: Request) -> None:
    context = steps.context(source.path, request=request_)
    with pytest.raises(BadValue):
        check_out(context)
    assert not context.commands.log.exists()


def test_a_host_that_is_down(steps: Steps) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://me:secret@127.0.0.1:{unused.getsockname()[1]}/x.git"
        context = steps.context(url, request=Request(commit="a" * 40))
        with pytest.raises(StepFailed, match=r"cannot read .*: unable to access") as caught:
            check_out(context)
    assert caught.value.code is FailureCode.SOURCE_UNREACHABLE
    assert caught.value.retryable
    assert "Failed to connect" in caught.value.excerpt
    written = f"{caught.value} {caught.value.excerpt} {context.commands.log.read_text()}"
    assert "secret" not in written
    left = {path.name.split(".")[-1] for path in (steps.state_dir / "mirrors").iterdir()}
    assert left <= {"lock"}


def test_submodules(steps: Steps, source: GitSource, tmp_path: Path) -> None:
    library = GitSource(tmp_path / "library")
    library.commit({"lib.txt": "1"})
    source.commit({"a": "1"})
    source.git("submodule", "--quiet", "add", "../library", "lib")
    commit = source.commit({})
    context = steps.context(
        source.path, request=Request(commit=commit), submodules=True, env=FILE_SUBMODULES
    )
    check_out(context)
    assert files(context) == {".gitmodules", "a", "lib/lib.txt"}


def test_a_submodule_over_a_protocol_that_the_user_does_not_allow(
    steps: Steps, source: GitSource, tmp_path: Path
) -> None:
    library = GitSource(tmp_path / "library")
    library.commit({"lib.txt": "1"})
    source.git("submodule", "--quiet", "add", str(library.path), "lib")
    commit = source.commit({})
    context = steps.context(source.path, request=Request(commit=commit), submodules=True)
    with pytest.raises(StepFailed, match="cannot check out the submodules") as caught:
        check_out(context)
    assert "transport 'file' not allowed" in caught.value.excerpt


def test_a_submodule_whose_commit_is_gone(steps: Steps, source: GitSource, tmp_path: Path) -> None:
    library = GitSource(tmp_path / "library")
    library.commit({"lib.txt": "1"})
    source.git("submodule", "--quiet", "add", str(library.path), "lib")
    gone = source.git("-C", "lib", "commit-tree", "-m", "x", "HEAD^{tree}")
    source.git("-C", "lib", "checkout", "-q", gone)
    commit = source.commit({})
    context = steps.context(
        source.path, request=Request(commit=commit), submodules=True, env=FILE_SUBMODULES
    )
    with pytest.raises(StepFailed, match="a commit is missing") as caught:
        check_out(context)
    assert caught.value.code is FailureCode.COMMIT_NOT_FOUND


def test_a_repository_with_sha256(steps: Steps, tmp_path: Path) -> None:
    source = GitSource(tmp_path / "origin", "--object-format=sha256")
    commit = source.commit({"a": "1"})
    result = check_out(steps.context(source.path, request=Request(commit=commit)))
    assert len(result.values["tree"]) == 64


def test_settings_of_the_user_change_nothing(
    steps: Steps, source: GitSource, tmp_path: Path
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "post-checkout").write_text("#!/bin/sh\ntouch hooked\n")
    (hooks / "post-checkout").chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(
        f"[core]\n\tautocrlf = true\n\thooksPath = {hooks}\n[safe]\n\tbareRepository = explicit\n"
        "[clone]\n\tdefaultRemoteName = upstream\n\trejectShallow = true\n[color]\n\tui = always\n"
    )
    commit = source.commit({"a": "1\n"})
    context = steps.context(
        source.path, request=Request(commit=commit), env={"GIT_CONFIG_GLOBAL": str(config)}
    )
    check_out(context)
    assert (context.workspace.source / "a").read_bytes() == b"1\n"
    assert files(context) == {"a"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give the repository away")
def test_a_repository_of_another_owner_is_refused(
    steps: Steps, source: GitSource, tmp_path: Path
) -> None:
    commit = source.commit({"a": "1"})
    for path in (source.path, source.path / ".git"):
        os.chown(path, 65534, 65534)
    env = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    context = steps.context(source.path, request=Request(commit=commit), env=env)
    with pytest.raises(StepFailed, match="dubious ownership") as caught:
        check_out(context)
    assert not caught.value.retryable


def test_identity_names_branch_commit_and_repository(steps: Steps) -> None:
    context = steps.context("https://me:secret@host/x", request=Request(commit="a" * 40))
    assert GIT_CHECKOUT.identity(CheckoutOptions(), context) == {
        "branch": "main",
        "commit": "a" * 40,
        "repository": "https://host/x",
        "submodules": "false",
    }


def test_files_of_git_lfs_are_fetched(steps: Steps, source: GitSource) -> None:
    source.git("lfs", "install", "--local", "--skip-repo")
    commit = source.commit(
        {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "big.bin": "large\n"}
    )
    assert source.git("show", "HEAD:big.bin").startswith("version https://git-lfs")
    context = steps.context(source.path, request=Request(commit=commit))
    lfs = context.source.model_copy(update={"lfs": True})

    check_out(replace(context, source=lfs))

    assert (context.workspace.source / "big.bin").read_text() == "large\n"


def test_git_lfs_that_is_not_installed_is_told(
    steps: Steps, source: GitSource, tmp_path: Path
) -> None:
    commit = source.commit({"a": "b"})
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git").symlink_to(str(shutil.which("git")))
    context = steps.context(source.path, request=Request(commit=commit), env={"PATH": str(tools)})
    lfs = context.source.model_copy(update={"lfs": True})
    with pytest.raises(StepFailed, match="git-lfs is not installed") as error:
        check_out(replace(context, source=lfs))
    assert error.value.code is FailureCode.TOOL_MISSING

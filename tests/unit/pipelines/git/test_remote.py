from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from pipelines.domain.errors import BadValue, FailureCode, StepFailed
from pipelines.git.remote import (
    excerpt,
    git_environment,
    public_url,
    resolve_branch,
    resolve_tag,
)
from tests.support.pipelines.git_source import GitSource

ENV = dict(os.environ)


@pytest.mark.parametrize(
    ("repository", "public"),
    [
        ("https://me:secret@host/x.git", "https://host/x.git"),
        ("https://token@host:8443/x", "https://host:8443/x"),
        ("ssh://git:secret@host/x", "ssh://git@host/x"),
        ("git@host:x.git", "git@host:x.git"),
        ("/srv/git/a@b", "/srv/git/a@b"),
        ("file:///srv/x", "file:///srv/x"),
    ],
)
def test_public_url(repository: str, public: str) -> None:
    assert public_url(repository) == public


def fill(repository: str, url: str) -> str:
    """What git would use for `url`, with the settings made for `repository`."""
    got = subprocess.run(
        ["git", "credential", "fill"],
        env=git_environment(repository, {**ENV, "GIT_DIR": "/nowhere"}),
        input=f"url={url}\n\n",
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    return got.stdout


def test_credentials_are_for_their_host_only() -> None:
    repository = "https://me:p%40ss%20%22%24(x)%5Cn@host:1/x.git"
    told = fill(repository, "https://host:1/x.git").splitlines()
    assert told == ["protocol=https", "host=host:1", "username=me", 'password=p@ss "$(x)\\n']
    assert fill(repository, "https://other:1/x.git") == ""


def test_configuration_that_is_there_already_is_kept() -> None:
    given = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": "c"}
    env = git_environment("/srv/x", given)
    assert env["GIT_CONFIG_VALUE_0"] == "c"
    assert int(env["GIT_CONFIG_COUNT"]) > 1


def test_a_branch_is_resolved(tmp_path: Path) -> None:
    source = GitSource(tmp_path / "r")
    commit = source.commit({})
    source.git("branch", "feature/x")
    assert resolve_branch(str(tmp_path / "r"), "main", ENV) == commit
    assert resolve_branch(str(tmp_path / "r"), "feature/x", ENV) == commit


def test_what_is_no_branch(tmp_path: Path) -> None:
    source = GitSource(tmp_path / "r")
    commit = source.commit({})
    source.git("branch", "feature/x")
    source.git("tag", "v1")
    for name in ("x", "v1", "nowhere", commit[:12], commit):
        assert resolve_branch(str(tmp_path / "r"), name, ENV) is None


def test_a_tag_is_the_commit_that_it_names_now(tmp_path: Path) -> None:
    source = GitSource(tmp_path / "r")
    commit = source.commit({})
    source.git("tag", "light")
    source.git("tag", "-m", "x", "a(b)")
    source.git("tag", "-m", "x", "again", "a(b)")
    for name in ("light", "a(b)", "again"):
        assert resolve_tag(str(tmp_path / "r"), name, ENV) == commit
    assert resolve_tag(str(tmp_path / "r"), "main", ENV) is None
    with pytest.raises(BadValue, match="invalid tag"):
        resolve_tag(str(tmp_path / "r"), "a b", ENV)


def test_a_repository_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="does not appear to be a git repository") as caught:
        resolve_branch(str(tmp_path / "nowhere"), "main", ENV)
    assert caught.value.code is FailureCode.SOURCE_UNREACHABLE
    assert not caught.value.retryable


def test_a_host_that_is_down_can_be_tried_again() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://me:secret@127.0.0.1:{unused.getsockname()[1]}/x"
        with pytest.raises(StepFailed, match=r"cannot read .*: unable to access") as caught:
            resolve_branch(url, "main", ENV)
    assert caught.value.retryable
    assert "secret" not in str(caught.value) + caught.value.excerpt


@pytest.mark.parametrize("url", ["--upload-pack=touch /tmp/x", "", "a\nb"])
def test_repositories_that_are_none(url: str) -> None:
    with pytest.raises(BadValue, match="invalid repository"):
        resolve_branch(url, "main", ENV)


def test_a_program_as_a_repository_is_not_run(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="transport 'ext' not allowed"):
        resolve_branch(f"ext::sh -c touch% {tmp_path}/ran", "main", ENV)
    assert not (tmp_path / "ran").exists()


def test_the_excerpt_leaves_progress_out() -> None:
    lines = ["Receiving objects:  45% (5/11)", "", "fatal: https://a:b@h/x: early EOF"]
    assert excerpt(lines) == "fatal: https://***@h/x: early EOF"

"""The store over each way to reach a repository, on loopback; and who is not let in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from common.states import State
from coordination_tasks.domain.errors import AccessDenied, NothingToClaim, WriteRefused
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.repository.protocol import Moved
from coordination_tasks.store.attempt_commands import Completion
from tests.integration.coordination.test_git_faults import hook
from tests.support.coordination.loopback import git_daemon, http_server, ssh_server
from tests.support.coordination.world import (
    World,
    began,
    claim,
    closing,
    ended,
    git,
    git_world,
    job,
    leave_request,
)

COMMIT = "c0ffee" * 6 + "0123"


@pytest.fixture(scope="module", params=["file", "git", "http", "ssh"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, str]]:
    """A folder, and the address that its repositories have."""
    folder = tmp_path_factory.mktemp("served")
    with ExitStack() as stack:
        if request.param == "git":
            yield folder, stack.enter_context(git_daemon(folder))
        elif request.param == "http":
            yield folder, stack.enter_context(http_server(folder))
        elif request.param == "ssh":
            # a socket's path has to be short
            sockets = stack.enter_context(TemporaryDirectory())
            server = stack.enter_context(ssh_server(folder, folder / "keys"))
            command = server.command(control=f"{sockets}/%C")
            stack.enter_context(pytest.MonkeyPatch.context()).setenv("GIT_SSH_COMMAND", command)
            yield folder, server.address
        else:
            yield folder, f"file://{folder}"


@pytest.fixture
def remote(served: tuple[Path, str], request: pytest.FixtureRequest) -> Path:
    path = served[0] / f"{abs(hash(request.node.name))}.git"
    git(served[0], "init", "--quiet", "--bare", "--initial-branch=main", str(path))
    return path


@pytest.fixture
def farm(served: tuple[Path, str], remote: Path, tmp_path: Path) -> Iterator[World]:
    with closing(git_world(tmp_path, f"{served[1]}/{remote.name}")) as made:
        yield made


def test_a_job_from_the_queue_to_its_end(remote_world: World, remote: Path) -> None:
    store, other = remote_world.store("build1"), remote_world.store("build2")
    store.enqueue(job())
    attempt = claim(other)
    with pytest.raises(NothingToClaim):
        claim(store)

    other.record(attempt, [began(attempt, "maven"), ended(attempt, "maven")])
    other.complete(attempt, Completion(state=State.SUCCEEDED, manifest=b"{}"))

    assert store.job("job_1").state is State.SUCCEEDED
    assert [t.to_state for t in store.transitions("job_1")] == [
        State.RUNNING,
        State.RUNNING,
        State.SUCCEEDED,
        State.SUCCEEDED,
    ]
    git(remote, "fsck", "--strict")


def test_only_the_first_of_two_writes_lands(remote_world: World) -> None:
    remote_world.write("a", "0")
    one, other = remote_world.user(), remote_world.user()
    version = one.fetch()
    other.fetch()
    one.push_if_unchanged(version, {"a": b"1"}, "one")

    with pytest.raises(Moved):
        other.push_if_unchanged(version, {"a": b"2"}, "other")
    newest = other.fetch()
    assert other.read(newest, "a") == b"1"


def test_who_waits_is_served(remote_world: World) -> None:
    store, waiting = remote_world.store("build1"), remote_world.user("build2")
    for number in range(3):
        store.enqueue(job(f"job_{number}", commit=COMMIT))
    leave_request(waiting, "build2", "c2")
    claim(store)
    claim(store)

    assert store.job("job_2").assigned_to == "build2"
    assert not waiting.withdraw_note("build2")


def test_a_hook_is_told_in_its_words(remote_world: World, remote: Path) -> None:
    store = remote_world.store()
    store.enqueue(job())
    hook(remote, "pre-receive", "echo 'main is frozen until Monday' >&2; exit 1")

    with pytest.raises(WriteRefused, match="main is frozen until Monday"):
        claim(store)


@pytest.mark.parametrize("known", ["none", "wrong"])
def test_http_credentials_that_are_refused(known: str, tmp_path: Path) -> None:
    with http_server(tmp_path, "ann:right") as address:
        git(tmp_path, "init", "--quiet", "--bare", str(tmp_path / "x.git"))
        user = "" if known == "none" else "ann:wrong@"
        url = address.replace("http://", f"http://{user}") + "/x.git"
        with GitRepository(url, tmp_path / "cache", author="b", timeout=30.0) as repository:
            with pytest.raises(AccessDenied, match="check this builder's credentials") as told:
                repository.fetch()
            assert "wrong" not in str(told.value)
        right = address.replace("http://", "http://ann:right@") + "/x.git"
        with GitRepository(right, tmp_path / "cache", author="b", timeout=30.0) as repository:
            repository.push_if_unchanged(repository.fetch(), {"a": b"1"}, "m")


def test_an_ssh_key_that_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "--quiet", "--bare", str(tmp_path / "x.git"))
    with ssh_server(tmp_path, tmp_path / "keys") as server:
        monkeypatch.setenv("GIT_SSH_COMMAND", server.command("stranger"))
        url = f"{server.address}/x.git"
        with (
            GitRepository(url, tmp_path / "cache", author="b", timeout=30.0) as repository,
            pytest.raises(AccessDenied, match=r"Permission denied \(publickey\)"),
        ):
            repository.fetch()

"""Each fault of a remote and of a network, made to happen with the real git."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from common.states import State
from coordination_tasks.builder.doctor_checks import check_push
from coordination_tasks.domain.errors import (
    AccessDenied,
    BadConfiguration,
    HistoryRewritten,
    NothingToClaim,
    Unavailable,
    WriteRefused,
)
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.repository.git.heartbeats import GitHeartbeats
from coordination_tasks.repository.git.process import run_git
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.repository.protocol import Unanswered
from coordination_tasks.store.attempt_commands import Completion
from tests.conftest import LIMITS, await_that, has_line, is_gone, line_in
from tests.support.coordination.world import (
    PIPELINES,
    World,
    began,
    claim,
    clone_in,
    git,
    job,
    leave_request,
)


def hook(remote: Path, name: str, script: str) -> Path:
    path = remote / "hooks" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def unusual_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A ~/.gitconfig that a careful person may have for other work."""
    settings = tmp_path / "gitconfig"
    settings.write_text(
        "[commit]\n\tgpgSign = true\n[init]\n\tdefaultBranch = trunk\n[color]\n\tui = always\n"
        "[push]\n\tdefault = nothing\n\tgpgSign = true\n\tfollowTags = true\n\tpushOption = x\n"
        "[core]\n\thooksPath = /nonexistent\n[gc]\n\tauto = 1\n"
        "[safe]\n\tbareRepository = explicit\n"
        "[fetch]\n\tprune = true\n\tshowForcedUpdates = false\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    # what `init.defaultObjectFormat` says to a git of today
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")


def test_a_rejecting_hook_is_told_in_its_words(remote_world: World, remote: Path) -> None:
    store = remote_world.store()
    store.enqueue(job())
    refusing = hook(remote, "pre-receive", "echo 'main is frozen until Monday' >&2; exit 1")

    with pytest.raises(WriteRefused, match="main is frozen until Monday"):
        claim(store)

    refusing.unlink()
    assert claim(store).number == 1


def test_a_rewound_main_is_an_alarm_and_nothing_is_written(
    remote_world: World, remote: Path
) -> None:
    store = remote_world.store()
    store.enqueue(job())
    before = git(remote, "rev-parse", "main")
    attempt = claim(store)

    git(remote, "update-ref", "refs/heads/main", before)

    for _ in range(2):
        with pytest.raises(HistoryRewritten, match="job job_1 went back from fencing token 1 to 0"):
            store.record(attempt, [began(attempt, "maven")])
    assert git(remote, "rev-parse", "main") == before


def test_a_main_without_an_unfinished_job_is_an_alarm(remote_world: World, remote: Path) -> None:
    store = remote_world.store()
    store.publish_idle()
    before = git(remote, "rev-parse", "main")
    store.enqueue(job())

    git(remote, "update-ref", "refs/heads/main", before)

    with pytest.raises(HistoryRewritten, match=r"job job_1 is missing \(unfinished\)"):
        store.jobs()


def test_a_squashed_main_is_taken_with_a_notice(remote_world: World, remote: Path) -> None:
    store = remote_world.store()
    store.enqueue(job())
    attempt = claim(store)
    squashed = git(remote, "commit-tree", "main^{tree}", "-m", "squashed")
    git(remote, "update-ref", "refs/heads/main", squashed)

    store.record(attempt, [began(attempt, "maven")])
    store.complete(attempt, Completion(state=State.SUCCEEDED))

    assert git(remote, "rev-list", "--count", "main") == "3"
    assert [notice.endswith("archived record is missing") for notice in remote_world.notices] == [
        True
    ]


def test_a_remote_that_is_not_there(tmp_path: Path, cache: Path) -> None:
    with GitRepository(str(tmp_path / "none.git"), cache, author="b") as repository:
        with pytest.raises(Unavailable, match=r"cannot reach .*none\.git"):
            repository.fetch()
        with pytest.raises(Unavailable):
            repository.fetch()


def test_a_remote_that_goes_away_and_comes_back(remote_world: World, remote: Path) -> None:
    store = remote_world.store()
    store.enqueue(job())
    away = remote.rename(remote.with_name("away.git"))

    with pytest.raises(Unavailable, match="cannot reach"):
        claim(store)

    away.rename(remote)
    assert claim(store).job.id == "job_1"


def test_a_remote_that_denies_access(cache: Path, daemon_url: str, remote: Path) -> None:
    git(remote, "config", "daemon.receivepack", "false")
    with GitRepository(daemon_url, cache, author="b", timeout=30.0) as repository:
        version = repository.fetch()
        with pytest.raises(AccessDenied, match=r"denies access: .*not exported"):
            repository.push_if_unchanged(version, {"a": b"1"}, "m")


def test_a_remote_that_hangs_is_left_in_time_with_all_its_processes(
    remote_world: World, remote: Path, cache: Path, tmp_path: Path
) -> None:
    remote_world.write("a", "1")
    pid_file = tmp_path / "pid"
    with GitRepository(str(remote), cache, author="b") as warm:
        version = warm.fetch()
    hook(remote, "pre-receive", f"echo $$ >{pid_file}; exec sleep 1000")

    for limit in LIMITS:
        with (
            GitRepository(str(remote), cache, author="b", timeout=limit) as repository,
            pytest.raises(Unanswered, match="no answer in time"),
        ):
            repository.push_if_unchanged(version, {"a": b"2"}, "m")
        if has_line(pid_file):
            break

    await_that(lambda: is_gone(int(line_in(pid_file))), "the hook ends")


def test_a_server_where_no_branch_may_be_deleted(remote_world: World, remote: Path) -> None:
    """Then nobody can claim for others, and each claims for itself."""
    store, waiting = remote_world.store("build1"), remote_world.store("build2")
    for number in range(3):
        store.enqueue(job(f"job_{number}"))
    claim(store)
    leave_request(remote_world.user(), "build2", "c2")
    git(remote, "config", "receive.denyDeletes", "true")

    assert claim(store).job.id == "job_1"
    assert waiting.claim(claim_id="c2", pipelines=PIPELINES).job.id == "job_2"


def test_a_server_that_takes_no_notes(remote_world: World, remote: Path) -> None:
    store = remote_world.store("build1")
    store.enqueue(job("job_1"))
    late = remote_world.store("build2")
    late.jobs()
    store.enqueue(job("job_2"))
    hook(remote, "update", 'case $1 in *claim-request*) echo "only main" >&2; exit 1;; esac')

    assert claim(late).job.id == "job_1"
    assert claim(store).job.id == "job_2"


def test_an_answer_that_is_lost_after_the_write_landed(
    remote_world: World, remote: Path, repository: GitRepository, cache: Path
) -> None:
    """The hook runs when main has moved, and kills the `receive-pack` that would tell it."""
    store = remote_world.store_on(repository)
    store.enqueue(job())
    clone = clone_in(cache)
    before = int(git(remote, "rev-list", "--count", "main"))
    hook(remote, "post-update", 'rm "$0"; kill -9 $PPID')

    attempt = store.claim(claim_id="c1", pipelines={"sample": ()})

    assert attempt.claim_id == "c1"
    assert not (remote / "hooks" / "post-update").exists()
    assert clone_in(cache) == clone
    assert int(git(remote, "rev-list", "--count", "main")) == before + 1


def test_a_50_megabyte_file_of_somebody_is_no_trouble(
    remote_world: World, remote: Path, repository: GitRepository, cache: Path, tmp_path: Path
) -> None:
    """It is put into the remote itself: only what we do with it is tested."""
    huge = tmp_path / "huge.log"
    huge.write_bytes(os.urandom(50_000_000))
    git(remote, "config", "core.compression", "0")  # to be quick
    blob = git(remote, "hash-object", "-w", str(huge))
    entries = f"100644 blob {blob}\thuge.log\n"
    tree = subprocess.run(
        ["git", "mktree"], cwd=remote, input=entries, check=True, capture_output=True, text=True
    ).stdout.strip()
    git(remote, "update-ref", "refs/heads/main", git(remote, "commit-tree", tree, "-m", "huge"))
    store = remote_world.store_on(repository)
    store.jobs()
    before = size_of(clone_in(cache))

    store.enqueue(job())
    store.complete(claim(store), Completion(state=State.SUCCEEDED))

    assert store.job("job_1").state is State.SUCCEEDED
    assert size_of(clone_in(cache)) < before + 1_000_000, "it comes once, and is not read"
    assert git(remote, "rev-parse", "main:huge.log") == blob


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_repository_without_any_of_the_files(remote_world: World) -> None:
    remote_world.write("README.md", "hello")

    snapshot = remote_world.store().snapshot()

    assert (snapshot.jobs(), snapshot.builders(), snapshot.locks()) == ((), (), ())


def test_a_hostile_environment(
    remote_world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """We may be run below a git hook, or by somebody with unusual settings."""
    other = tmp_path / "other"
    git(tmp_path, "init", "--quiet", str(other))
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    unusual_settings(monkeypatch, tmp_path)
    store = remote_world.store()
    store.enqueue(job())

    store.complete(claim(store), Completion(state=State.SUCCEEDED))

    assert store.job("job_1").state is State.SUCCEEDED
    assert not list((other / ".git" / "objects").glob("??"))


def test_a_rewound_main_is_an_alarm_to_a_git_that_does_not_look_for_it(
    remote_world: World, remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = remote_world.store()
    store.enqueue(job())
    before = git(remote, "rev-parse", "main")
    store.enqueue(job("job_2"))
    git(remote, "update-ref", "refs/heads/main", before)
    unusual_settings(monkeypatch, tmp_path)

    with pytest.raises(HistoryRewritten, match="job job_2"):
        store.enqueue(job("job_3"))


def test_heartbeats_and_the_check_of_the_permission_bear_unusual_settings(
    remote: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unusual_settings(monkeypatch, tmp_path)
    heartbeats = GitHeartbeats(str(remote), cache / "beats", builder="b", branch="heartbeat-b")

    heartbeats.beat({"b/heartbeat.json": b"{}"})

    assert "heartbeat-b" in heartbeats.signs()
    assert check_push(str(remote), "b", utc_now()).found == "granted"


@pytest.mark.parametrize("url", ["", "--upload-pack=evil", "a\nb"])
def test_an_address_that_is_none(url: str, cache: Path) -> None:
    with pytest.raises(BadConfiguration, match="invalid address of the coordination repository"):
        GitRepository(url, cache, author="b")


@pytest.mark.parametrize("branch", ["", "-x", "a..b", "a b", "a:b"])
def test_a_branch_that_is_none(remote: Path, branch: str, cache: Path) -> None:
    with pytest.raises(BadConfiguration, match="invalid branch"):
        GitRepository(str(remote), cache, author="b", branch=branch)


@pytest.mark.parametrize(
    "job_id", ["../../etc", ".", "..", ".git", "-rf", "a/b", "git~1", "ü" * 200, "x y", "a%2Fb"]
)
def test_an_odd_job_id_is_not_claimed_and_leaves_a_sound_repository(
    remote_world: World, remote: Path, job_id: str
) -> None:
    store = remote_world.store()
    store.enqueue(job(job_id))
    with pytest.raises(NothingToClaim, match="invalid job id"):
        claim(store)
    store.enqueue(job("a.b:c+d@e=f,g-h_i"))
    store.complete(claim(store), Completion(state=State.SUCCEEDED, manifest=b"{}"))

    git(remote, "fsck", "--strict")
    git(remote, "clone", "--quiet", str(remote), str(remote.with_name("work tree")))


def test_threads_share_a_repository(remote_world: World, repository: GitRepository) -> None:
    store = remote_world.store_on(repository)
    for number in range(6):
        store.enqueue(job(f"job_{number}"))
    taken: list[str] = []

    def take() -> None:
        attempt = claim(store)
        store.complete(attempt, Completion(state=State.SUCCEEDED))
        taken.append(attempt.job.id)

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == [f"job_{number}" for number in range(6)]
    assert {found.state for found in store.jobs()} == {State.SUCCEEDED}


def test_an_interrupted_command_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C while we wait: git's own children must not live on."""
    marker = tmp_path / "pid"
    script = f"!echo $$ >{marker}; exec sleep 1000"

    for limit in LIMITS:
        result = run_git(["-c", f"alias.hang={script}", "hang"], git_dir=tmp_path, timeout=limit)
        assert result.code is None
        if has_line(marker):
            break

    await_that(lambda: is_gone(int(line_in(marker))), "git's child ends")


def test_the_queue_is_what_jq_would_write(remote_world: World) -> None:
    remote_world.store().enqueue(job())
    text = remote_world.text("coordination/jobs.json")

    assert text == json.dumps(json.loads(text), indent=2) + "\n"

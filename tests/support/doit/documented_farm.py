"""A farm in which every reading command has something to tell."""

from __future__ import annotations

import json
import zipfile
from datetime import datetime, timedelta

from common.states import State
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.domain.model import Attempt, BuilderProfile, Job, Transition
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.control import Control
from coordination_tasks.farm.messages.mailbox import Mailbox
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.store import Store
from tests.conftest import Farm, git
from tests.support.ssh_keys import make_key

BUILT, RUNNING, WAITING, DROPPED = "built", "running", "waiting", "dropped"
BROKEN_BEFORE, BROKEN = "broken-before", "broken"
EVERYTHING = """
  everything:
    description: a step with all that a step can say
    source: {repository: ./source.git, submodules: true, lfs: true}
    params: {mode: {default: fast}}
    triggers:
      push: {branches: main}
      schedule: {cron: "0 3 * * *", branch: main}
    steps:
      - uses: git-checkout
      - name: work
        run: ./work ${{ params.mode }}
        inputs: [hello]
        outputs: [made.txt]
        artifacts: ["*.txt"]
        values: [version]
        resources: [database]
        dir: sub
        timeout: 10m
        silent_timeout: 5m
        allow_failure: true
        retries: {count: 2, backoff: 1s}
      - {uses: maven}
      - {uses: artifact-manifest, with: {paths: [made.txt]}}
"""
FAILURE = {
    "code": "COMMAND_FAILED", "retryable": False, "tool": "greeter", "module": "hello",
    "excerpt": "hello:7: no greeting", "tests": [{"name": "HelloTest.greets", "message": "no"}],
    "places": [{"file": "hello", "line": 7, "message": "no greeting"}],
}  # fmt: skip
MISTAKEN = "pipelines:\n  one: {descriptoin: x}\n"


def fill(farm: Farm) -> None:
    """Jobs that ended, run and wait; a message, a lock, a full outbox; a broken document."""
    _configure(farm)
    _share(farm)
    cache = farm.folder / "cache"
    with GitRepository(str(farm.coordination), cache, author="build2") as repository:
        store = Store(repository, BuilderProfile(id="build2", ip="10.0.0.2", manager="Ann"))
        for job in ("older", BUILT):
            store.enqueue(Job(id=job, pipeline="ledger", branch="main"))
            done = farm.doit("build")
            assert done.returncode == 0, done.stderr
            if job != BUILT:
                [tag] = git("-C", str(farm.coordination), "tag").split()
                git("-C", str(farm.coordination), "tag", "--delete", tag)
        changed = farm.folder / "changed.d"
        farm.doit("fetch", BUILT, "-o", str(changed))
        (changed / "made.txt").write_text("jello\n")
        git("clone", "--quiet", str(farm.source), str(farm.folder / "tree.d"))
        git("-C", str(farm.coordination), "branch", "heartbeat-build1", "main")
        for side, text in {"a.d": "hello", "b.d": "jello"}.items():
            (farm.folder / side).mkdir()
            with zipfile.ZipFile(farm.folder / side / "made.jar", "w") as archive:
                archive.writestr("A.class", text)
        store.enqueue(Job(id=RUNNING, pipeline="ledger", branch="main"))
        store.claim(claim_id="c2", pipelines={"ledger": ()}, job_id=RUNNING)
        store.enqueue(Job(id=WAITING, pipeline="ledger", branch="main", labels=("os=plan9",)))
        store.enqueue(Job(id=DROPPED, pipeline="ledger", branch="main"))
        Control(store, "Ann").cancel([DROPPED], "wrong branch")
        hour_ago = utc_now() - timedelta(hours=1)
        before = Store(repository, BuilderProfile(id="build3"), clock=lambda: hour_ago)
        fail(before, BROKEN_BEFORE, at=hour_ago)
        fail(store, BROKEN, farm.commit)
        Control(store, "Ann").drain("build2", "new disk")
        Control(store, "Ann").pause_trigger("everything/push", "release")
        store.enqueue(Job(id="nightly", pipeline="everything", trigger="everything/schedule"))
        Mailbox(store).send("all", "disk", kind="warning", body="it is nearly full", person="Ann")
        store.take_lock("config_update", timedelta(hours=1), person="Ann")
        _fill_outbox(farm, store)
    workspace = farm.folder / "state" / "build1" / "jobs" / "over"
    workspace.mkdir()
    (workspace / "made").write_text("once\n")
    queue = json.loads(farm.read("coordination/jobs.json"))
    old = {"status": "completed", "completed_at": "2020-01-01T00:00:00Z"}
    queue["jobs"].append({"id": "old", "pipeline": "ledger", **old})
    farm.write("coordination/jobs.json", json.dumps(queue))
    farm.write("shared/broken.json", "{")


def _share(farm: Farm) -> None:
    notes = farm.folder / "notes.txt"
    notes.write_text("hello\n")
    farm.doit("share", str(notes))


def _configure(farm: Farm) -> None:
    """Its files, and what older programs say for all builders."""
    pipelines = farm.folder / "pipelines.yaml"
    pipelines.write_text(pipelines.read_text() + EVERYTHING)
    shared = {"build": {"skip_tests": True}, "java": {"home": "/opt/jdk"}}
    farm.write("shared/build_config.json", json.dumps(shared))
    (farm.folder / "mistaken.yaml").write_text(MISTAKEN)
    (farm.folder / "farm.yaml").write_text("channels: {book: {messages: build2}}\n")
    builder = farm.folder / "builder.yaml"
    line = make_key(farm.folder / "key")
    (farm.folder / "signers").write_text(f"build1 {line}\n")
    settings = (
        "limits: {workspaces: {size: 0K}}",
        "signing_key: ./key",
        "allowed_signers: ./signers",
        "destinations: {drop: {folder: ./drop}}",
    )
    builder.write_text("\n".join((builder.read_text(), *settings, "")))


def fail(store: Store, job_id: str, commit: str | None = None, at: datetime | None = None) -> None:
    """A job whose step `second` fails, now or at another time of the store's clock."""
    store.enqueue(Job(id=job_id, pipeline="ledger", branch="main", commit=commit))
    attempt = store.claim(claim_id=job_id, pipelines={"ledger": ()}, job_id=job_id)
    reason = "the script failed with exit code 1: hello:7: no greeting"
    began, ended = (
        Transition.of_step(
            attempt.job, "second", own_id=f"{job_id}-{state}", builder=store.builder,
            from_state=before, to_state=state, at=at or utc_now(), reason=reason, details=details,
        )
        for before, state, details in (
            (State.QUEUED, State.RUNNING, {}),
            (State.RUNNING, State.FAILED, FAILURE),
        )
    )  # fmt: skip
    store.complete(
        attempt,
        Completion(state=State.FAILED, reason=f"step second: {reason}", transitions=(began, ended)),
    )


def _fill_outbox(farm: Farm, store: Store) -> None:
    """One entry that was refused, and one that waits."""
    attempt = Attempt(job=Job(id="gone"), builder="build1", number=1, token=1, claim_id="c1")
    [path] = farm.folder.glob("state/*/outbox.sqlite")
    with Outbox(path) as outbox:
        outbox.submit_release(attempt, "SIGTERM")
        outbox.flush(store)
        outbox.submit_release(attempt, "SIGTERM")

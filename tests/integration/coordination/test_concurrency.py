"""Many processes at once on one file remote, each with a clone of its own; and an old neighbour."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import threading
import uuid
from collections import Counter
from pathlib import Path

from common.states import State
from coordination_tasks.domain.errors import NothingToClaim
from coordination_tasks.domain.model import Attempt, BuilderProfile
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.store import Store
from tests.conftest import await_that
from tests.support.coordination.world import (
    PIPELINES,
    World,
    began,
    claim,
    ended,
    git,
    job,
)

FORK = multiprocessing.get_context("fork")
BUILDERS = 8
JOBS = 20
ROUNDS = 2


def take_all(place: tuple[str, Path, str]) -> list[tuple[str, int, int]]:
    """Claim until nothing is left: (job, attempt, token) of each claim."""
    url, folder, name = place
    taken: list[Attempt] = []
    with GitRepository(url, folder / name, author=name) as repository:
        store = Store(repository, BuilderProfile(id=name))
        while True:
            try:
                taken.append(store.claim(claim_id=uuid.uuid4().hex, pipelines=PIPELINES))
            except NothingToClaim:
                return [(attempt.job.id, attempt.number, attempt.token) for attempt in taken]


def test_eight_processes_claim_each_job_once(
    remote_world: World, remote: Path, tmp_path: Path
) -> None:
    store = remote_world.store()
    for number in range(JOBS):
        store.enqueue(job(f"job_{number}"))
    before = int(git(remote, "rev-list", "--count", "main"))
    places = [(str(remote), tmp_path, f"build{number}") for number in range(BUILDERS)]

    with FORK.Pool(BUILDERS) as pool:
        taken = pool.map(take_all, places, chunksize=1)

    held = Counter(claimed for claims in taken for claimed in claims)
    assert held == Counter({(f"job_{number}", 1, 1): 1 for number in range(JOBS)})
    # who wins claims for those who wait, too
    assert int(git(remote, "rev-list", "--count", "main")) <= before + JOBS
    assert git(remote, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    by_builder = {found.id: found.assigned_to for found in store.jobs()}
    for (_, _, name), claims in zip(places, taken, strict=True):
        assert {by_builder[job_id] for job_id, _, _ in claims} <= {name}
    assert all(len(store.transitions(f"job_{number}")) == 1 for number in range(JOBS))


OLD_EDIT = """
import json, sys
path, code = sys.argv[1:]
with open(path) as f:
    document = json.load(f)
exec(code, {"d": document})
with open(path, "w") as f:
    json.dump(document, f, indent=2)
    f.write("\\n")
"""

OLD_NEIGHBOUR = r"""
set -eu
cd "$1"
edit() { "$PYTHON" ../edit.py "$1" "$2"; git commit --quiet -am "build9: $1"; }
push() { until git push --quiet origin main 2>/dev/null; do git pull --quiet --rebase; done; }
git pull --quiet --rebase
edit coordination/locks.json "
d['locks']['job_assignment'] = {'locked_by': 'build9', 'locked_at': '2025-10-29T12:00:00Z',
                                'expires_at': '2999-01-01T00:00:00Z'}"
push
touch ../locked
until [ -e ../go ]; do sleep 0.05; done
for step in 1 2; do
    edit coordination/jobs.json "
d['jobs'].append({'id': 'theirs_$2_$step', 'pipeline': 'sample', 'status': 'queued', 'odd': 1.50})
for job in d['jobs']: job['seen_by_build9'] = '$2 $step'"
    push
done
edit coordination/locks.json "d['locks']['job_assignment'] = None"
push
"""


def test_an_old_program_beside_ours_and_nothing_is_lost(
    remote_world: World, remote: Path, tmp_path: Path
) -> None:
    """It pulls, locks, edits, pulls with rebase and pushes: a conflict in the queue would end it.

    It holds the lock until we either wait for it or have written into the queue all the same.
    """
    locks = {"locks": {"job_assignment": None}, "theirs": [1]}
    remote_world.write("coordination/locks.json", json.dumps(locks, indent=2) + "\n")
    notices: list[str] = []
    store = Store(remote_world.user(), BuilderProfile(id="build1"), notice=notices.append)
    for job_id in ("first", *(f"held_{number}" for number in range(ROUNDS))):
        store.enqueue(job(job_id))
    attempt, *held = [claim(store) for _ in range(ROUNDS + 1)]
    (tmp_path / "edit.py").write_text(OLD_EDIT)
    (tmp_path / "neighbour.sh").write_text(OLD_NEIGHBOUR)
    git(tmp_path, "clone", "--quiet", str(remote), "work")
    for key in ("user.name", "user.email"):
        git(tmp_path / "work", "config", key, "build9")
    recorded: list[str] = []

    for number in range(ROUNDS):
        neighbour = subprocess.Popen(
            ["sh", str(tmp_path / "neighbour.sh"), str(tmp_path / "work"), str(number)],
            env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable},
            stderr=subprocess.PIPE,
        )
        await_that((tmp_path / "locked").exists, "it holds the lock")
        notices.clear()

        def work(number: int = number) -> None:
            store.enqueue(job(f"ours_{number}"))
            store.complete(held[number], Completion(state=State.SUCCEEDED))

        ours = threading.Thread(target=work)
        ours.start()
        await_that(lambda: bool(notices) or not ours.is_alive(), "we wait or write")  # noqa: B023 - awaited here
        made = [began(attempt, f"step{number}"), ended(attempt, f"step{number}")]
        store.record(attempt, made)
        recorded.extend(transition.id for transition in made)
        (tmp_path / "go").touch()
        _, errors = neighbour.communicate(timeout=120)
        assert neighbour.returncode == 0, errors
        ours.join()
        (tmp_path / "go").unlink()
        (tmp_path / "locked").unlink()

    taken = claim(store, "theirs_0_1")
    store.complete(taken, Completion(state=State.FAILED))
    entries = json.loads(remote_world.text("coordination/jobs.json"))["jobs"]
    jobs = {raw["id"]: raw for raw in entries}
    rounds = [(f"theirs_{n}_1", f"theirs_{n}_2", f"ours_{n}") for n in range(ROUNDS)]
    over = [attempt.job.id for attempt in held]
    assert list(jobs) == ["first", *over, *(job_id for names in rounds for job_id in names)]
    assert [t.id for t in store.transitions("first") if t.step] == recorded
    assert {jobs[job_id]["status"] for job_id in over} == {"completed"}
    assert {jobs[job_id]["seen_by_build9"] for job_id in over} == {f"{ROUNDS - 1} 2"}
    assert (jobs["theirs_0_1"]["odd"], jobs["theirs_0_1"]["status"]) == (1.5, "failed")
    assert '"odd": 1.5' in remote_world.text("coordination/jobs.json")
    assert json.loads(remote_world.text("coordination/locks.json")) == locks

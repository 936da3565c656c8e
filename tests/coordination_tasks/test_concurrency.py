"""Many processes at once on one file remote, each with a clone of its own; and an old neighbour."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path

from coordination_tasks.errors import NothingToClaim
from coordination_tasks.git_repository import GitRepository
from coordination_tasks.model import Attempt, BuilderProfile, State
from coordination_tasks.store import Store
from coordination_tasks.writes import Completion
from tests.coordination_tasks.coordination_world import (
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


def test_eight_processes_claim_each_job_once(farm: World, remote: Path, tmp_path: Path) -> None:
    store = farm.store()
    for number in range(JOBS):
        store.enqueue(job(f"job_{number}"))
    before = int(git(remote, "rev-list", "--count", "main"))
    places = [(str(remote), tmp_path, f"build{number}") for number in range(BUILDERS)]

    with FORK.Pool(BUILDERS) as pool:
        taken = pool.map(take_all, places, chunksize=1)

    held = Counter(claimed for claims in taken for claimed in claims)
    assert held == Counter({(f"job_{number}", 1, 1): 1 for number in range(JOBS)})
    assert int(git(remote, "rev-list", "--count", "main")) == before + JOBS
    by_builder = {found.id: found.assigned_to for found in store.jobs()}
    for (_, _, name), claims in zip(places, taken, strict=True):
        assert {by_builder[job_id] for job_id, _, _ in claims} <= {name}
    assert all(len(store.transitions(f"job_{number}")) == 1 for number in range(JOBS))


OLD_EDIT = """
import json, sys
path, key, value = sys.argv[1:]
with open(path) as f: document = json.load(f)
exec(value, {"d": document, "key": key})
with open(path, "w") as f:
    json.dump(document, f, indent=2)
    f.write("\\n")
"""

OLD_NEIGHBOUR = r"""
set -eu
cd "$1"
edit() { "$PYTHON" "$EDIT" "$1" "$2" "$3"; git commit --quiet -am "build9: $2"; }
while ! (
    git fetch --quiet origin && git reset --quiet --hard origin/main
    edit coordination/locks.json lock "
assert d['locks']['job_assignment'] is None
d['locks']['job_assignment'] = {'locked_by': 'build9', 'locked_at': '2025-10-29T12:00:00Z',
                                'expires_at': '2999-01-01T00:00:00Z'}"
    git push --quiet origin main
) 2>/dev/null; do :; done
for step in 1 2 3; do
    edit coordination/jobs.json "$2" "
for job in d['jobs']:
    if job['id'] == key:
        job['status'] = 'running'; job['assigned_to'] = 'build9'; job['touched'] = $step"
    until git push --quiet origin main 2>/dev/null; do git pull --quiet --rebase; done
done
edit coordination/locks.json unlock "d['locks']['job_assignment'] = None"
until git push --quiet origin main 2>/dev/null; do git pull --quiet --rebase; done
"""


def test_an_old_program_beside_ours_and_nothing_is_lost(
    farm: World, remote: Path, tmp_path: Path
) -> None:
    """It pulls, locks, edits by pull, commit and push, and knows nothing of compare-and-swap."""
    farm.write("coordination/locks.json", '{\n  "locks": {\n    "job_assignment": null\n  }\n}\n')
    store = Store(farm.user(), BuilderProfile(id="build1"))
    rounds = 4
    for number in range(rounds):
        store.enqueue(job(f"ours_{number}", priority=1))
        store.enqueue(job(f"theirs_{number}", pipeline="unknown here"))
    (tmp_path / "edit.py").write_text(OLD_EDIT)
    (tmp_path / "neighbour.sh").write_text(OLD_NEIGHBOUR)
    git(tmp_path, "clone", "--quiet", str(remote), "work")
    for key in ("user.name", "user.email"):
        git(tmp_path / "work", "config", key, "build9")
    recorded: list[str] = []

    for number in range(rounds):
        neighbour = subprocess.Popen(
            ["sh", str(tmp_path / "neighbour.sh"), str(tmp_path / "work"), f"theirs_{number}"],
            env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "EDIT": "../edit.py"},
            stderr=subprocess.PIPE,
        )
        attempt = claim(store)
        for step in ("a", "b", "c"):
            made = [began(attempt, step), ended(attempt, step)]
            store.record(attempt, made)
            recorded.extend(transition.id for transition in made)
        store.complete(attempt, Completion(state=State.SUCCEEDED))
        _, errors = neighbour.communicate(timeout=120)
        assert neighbour.returncode == 0, errors

    found = {raw["id"]: raw for raw in json.loads(farm.text("coordination/jobs.json"))["jobs"]}
    for number in range(rounds):
        assert found[f"ours_{number}"]["status"] == "completed"
        assert found[f"theirs_{number}"]["assigned_to"] == "build9"
        assert found[f"theirs_{number}"]["touched"] == 3
    kept = [t.id for n in range(rounds) for t in store.transitions(f"ours_{n}") if t.step]
    assert kept == recorded

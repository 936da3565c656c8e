"""Eight processes and their remote, one of them killed with -9 each round: nothing is lost.

The seed is printed; `FAULT_SEED=… FAULT_ROUNDS=… pytest -k fault_rounds` does the same kills again
(what they hit depends on the machine).
"""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from common.states import State
from tests.support.coordination.fault_worker import STEPS
from tests.support.coordination.fault_world import CREW, FaultWorld
from tests.support.coordination.history_audit import Audit

SHORT_ROUNDS = 4
LONG_ROUNDS = 200


def test_fault_rounds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, int(os.environ.get("FAULT_ROUNDS", SHORT_ROUNDS)), capsys)


@pytest.mark.slow
def test_two_hundred_fault_rounds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, LONG_ROUNDS, capsys)


def run(folder: Path, rounds: int, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("FAULT_SEED") or random.randrange(1 << 32))
    told = f"FAULT_SEED={seed} FAULT_ROUNDS={rounds}"
    with capsys.disabled():
        os.write(1, f"\n{told}\n".encode())
    world = FaultWorld(folder, seed)
    try:
        world.start()
        for _ in range(rounds):
            world.round()
        world.settle()
        audit = check(world)
    except BaseException as error:
        error.add_note(told)
        raise
    finally:
        world.end()
    with capsys.disabled():
        states = Counter(str(job.state) for job in audit.jobs.values())
        line = f"killed {world.killed}; {audit.commits} commits, jobs {dict(states)}\n"
        os.write(1, line.encode())


def check(world: FaultWorld) -> Audit:
    audit = Audit(world.remote.repository).run()
    assert not audit.wrong, audit.wrong[:10]
    check_jobs(world, audit)
    check_claims(world, audit)
    check_transitions(world, audit)
    return audit


def check_jobs(world: FaultWorld, audit: Audit) -> None:
    asked = [entry["enqueue"] for entry in world.ledger() if "enqueue" in entry]
    # the last one of a process may have been killed with it before it was asked for
    assert audit.jobs.keys() <= set(asked)
    assert len(audit.jobs) > 0
    stuck = [job for job in audit.jobs.values() if job.state is State.RUNNING]
    assert not stuck, "everybody has ended, and these still run"


def check_claims(world: FaultWorld, audit: Audit) -> None:
    believed = [tuple(entry["claim"]) for entry in world.ledger() if "claim" in entry]
    holders = Counter((job, token) for job, _, token, _ in believed)
    assert not [claim for claim, count in holders.items() if count > 1], "claimed twice"
    ids = Counter(claim_id for _, _, _, claim_id in believed)
    assert not [one for one, count in ids.items() if count > 1], "one claim, two jobs believed in"
    for job, _, token, claim_id in believed:
        assert audit.claims[job, token] == claim_id
    # a claim id may have held another job before, taken away before its builder heard of it
    told = {(job, token) for job, _, token, _ in believed}
    built = {(made.job, made.token) for made in audit.transitions() if made.step in STEPS}
    unheard = built & audit.claims.keys() - told
    assert not unheard, "steps of a claim that nobody knew of"


def check_transitions(world: FaultWorld, audit: Audit) -> None:
    recorded = Counter(made.id for made in audit.transitions())
    assert not [one for one, count in recorded.items() if count > 1], "recorded twice"
    refused = {name: world.refused(name) for _, name in CREW if name.startswith("build")}
    promised: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    for entry in world.ledger():
        if "transition" not in entry:
            continue
        one, builder = entry["transition"], entry["builder"]
        if one in recorded:
            promised[builder, entry["job"], entry["attempt"]].append(one)
        else:
            assert "lost the claim" in refused[builder].get(one, "lost"), f"{entry} is lost"
    order = {made.id: number for number, made in enumerate(audit.transitions())}
    for ids in promised.values():
        assert ids == sorted(ids, key=order.__getitem__), "not in the order of submission"

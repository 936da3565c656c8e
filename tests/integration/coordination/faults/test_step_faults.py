"""Steps in flight, and everything around them killed or cut: nothing lost, doubled or stuck.

The seed is printed; `STEP_FAULT_SEED=… STEP_FAULT_ROUNDS=… pytest -k step_faults` does it again
(what is hit depends on the machine).
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from common.states import State
from tests.conftest import Farm
from tests.support.coordination.history_audit import Audit
from tests.support.coordination.step_fault_world import StepFaultWorld, report

SHORT_ROUNDS, SHORT_LIVES = 4, (1.0, 1.2)
LONG_ROUNDS, LONG_LIVES = 200, (1.0, 2.0, 3.0)


def test_step_faults(farm: Farm, capsys: pytest.CaptureFixture[str]) -> None:
    rounds = int(os.environ.get("STEP_FAULT_ROUNDS", SHORT_ROUNDS))
    run(farm, rounds, SHORT_LIVES if rounds <= SHORT_ROUNDS else LONG_LIVES, capsys)


@pytest.mark.slow
def test_two_hundred_step_faults(farm: Farm, capsys: pytest.CaptureFixture[str]) -> None:
    run(farm, LONG_ROUNDS, LONG_LIVES, capsys)


def run(
    farm: Farm, rounds: int, lives: tuple[float, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("STEP_FAULT_SEED") or random.randrange(1 << 32))
    told = f"STEP_FAULT_SEED={seed} STEP_FAULT_ROUNDS={rounds}"
    with capsys.disabled():
        os.write(1, f"\n{told}\n".encode())
    world = StepFaultWorld(farm, seed, lives)
    try:
        world.start()
        for _ in range(rounds):
            world.round()
        jobs = world.settle()
        check(world)
    except BaseException as error:
        error.add_note(told)
        raise
    finally:
        world.end()
    with capsys.disabled():
        os.write(1, f"{report(world, jobs)}\n".encode())


def check(world: StepFaultWorld) -> None:
    audit = Audit(world.farm.coordination).run()
    assert not audit.wrong, audit.wrong[:10]
    assert sorted(audit.jobs) == sorted(world.asked), "lost, or doubled"
    assert world.left_over() == []
    assert "Traceback" not in world.outputs()
    assert "damaged" not in world.outputs()
    made_by_all = list(audit.transitions())
    assert not [one for one, count in Counter(t.id for t in made_by_all).items() if count > 1]
    ends = Counter(t.job for t in made_by_all if t.step is None and t.to_state is State.SUCCEEDED)
    for job in audit.jobs.values():
        # a step whose process was killed too often may fail; nothing may stay open
        assert job.state in (State.SUCCEEDED, State.FAILED), job
        assert ends[job.id] == (job.state is State.SUCCEEDED), job
    done = Counter(
        (job, step, builder) for job, step, what, builder in world.ledger() if what == "end"
    )
    of_steps = [made for made in made_by_all if made.step in world.names]
    good, unrecorded = (
        Counter((t.job, t.step, t.builder) for t in of_steps if t.to_state is state)
        for state in (State.SUCCEEDED, State.CANCELLED)
    )
    assert not [one for one, count in good.items() if count > 1], "ran again after its success"
    # a step that ended in the moment in which it was stopped has no success, and runs again
    again = {one: count for one, count in done.items() if count > 1 + unrecorded[one]}
    assert not again, "ran again without a record that it had not succeeded"
    for job in audit.jobs.values():
        if job.state is State.SUCCEEDED:
            told = {
                step for one, step, builder in done if (one, builder) == (job.id, job.assigned_to)
            }
            assert told == set(world.names), f"{job.id} succeeded without all its steps"

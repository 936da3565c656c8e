"""Who has stood still for how long, as one looker's clock tells."""

from __future__ import annotations

from coordination_tasks.farm.presence.liveness import Liveness


def test_a_sign_that_changes_is_a_life() -> None:
    liveness = Liveness(longest_gap=150)
    for second in range(0, 1000, 30):
        liveness.see({"build1": f"beat {second}"}, second)
    assert liveness.still_for("build1", 1000) == 1000 - 990
    assert liveness.observations["build1"].moved


def test_a_sign_that_stands_still_is_measured_from_its_last_change() -> None:
    liveness = Liveness(longest_gap=150)
    for second in range(0, 1000, 50):
        liveness.see({"build1": "a" if second < 100 else "b"}, second)
    assert liveness.still_for("build1", 1000) == 900


def test_a_looker_that_starts_anew_grants_a_whole_lease() -> None:
    liveness = Liveness(longest_gap=150)
    liveness.see({"build1": "a"}, 5000)
    assert liveness.still_for("build1", 5000) == 0
    assert not liveness.observations["build1"].moved


def test_who_did_not_look_for_long_can_tell_nothing() -> None:
    liveness = Liveness(longest_gap=150)
    liveness.see({"build1": "a"}, 0)
    liveness.see({"build1": "a"}, 150)
    assert liveness.still_for("build1", 150) == 150
    liveness.see({"build1": "a"}, 3600)
    assert liveness.still_for("build1", 3600) == 0


def test_who_is_watched_no_more_is_forgotten() -> None:
    liveness = Liveness(longest_gap=150)
    liveness.see({"build1": "a"}, 0)
    liveness.see({}, 100)
    liveness.see({"build1": "a"}, 140)
    assert liveness.still_for("build1", 140) == 0
    assert liveness.still_for("build2", 140) == 0

"""What a builder runs: plans that its own pipelines file makes, or made earlier."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coordination_tasks.build.attempt.own_plans import OwnPlans
from coordination_tasks.domain.errors import ForeignPlan
from coordination_tasks.store.plans import RecordedPlan, plan_digest

DAY = 86400.0


class File:
    """A pipelines file whose pipelines change."""

    def __init__(self, **pipelines: bytes) -> None:
        self.pipelines = pipelines

    def plan(self, pipeline: str) -> bytes:
        if pipeline not in self.pipelines:
            raise ValueError(f"unknown pipeline '{pipeline}'")
        return self.pipelines[pipeline]


def recorded(plan: bytes) -> RecordedPlan:
    return RecordedPlan(digest=plan_digest(plan), changed_since=None, attempt=4)


def test_the_current_plan_and_earlier_ones_are_found(tmp_path: Path) -> None:
    file = File(sample=b"first")
    plans = OwnPlans(tmp_path, file.plan)
    assert plans.find("sample", recorded(b"first")) == b"first"
    assert not list(tmp_path.iterdir()), "a look keeps nothing"

    plans.keep(["sample"])
    file.pipelines = {"sample": b"second"}
    plans.keep(["sample"])
    file.pipelines = {}
    assert plans.find("sample", recorded(b"first")) == b"first"
    assert plans.find("sample", recorded(b"second")) == b"second"
    with pytest.raises(ValueError, match="unknown pipeline 'other'"):
        plans.find("other", recorded(b"first"))


def test_a_plan_from_elsewhere_is_refused(tmp_path: Path) -> None:
    plans = OwnPlans(tmp_path, File(sample=b"first", release=b"other").plan)
    plans.keep(["sample", "release"])
    foreign = recorded(b"theirs")
    words = f"attempt 4 used plan {foreign.digest[:12]}, which this builder's pipelines file never"
    with pytest.raises(ForeignPlan, match=words):
        plans.find("sample", foreign)
    with pytest.raises(ForeignPlan):
        plans.find("sample", recorded(b"other"))  # the file gives it to another pipeline


def test_a_kept_plan_that_was_changed_is_not_used(tmp_path: Path) -> None:
    plans = OwnPlans(tmp_path, File(sample=b"second").plan)
    OwnPlans(tmp_path, File(sample=b"first").plan).keep(["sample"])
    [kept] = tmp_path.rglob("*.json")
    kept.write_bytes(b"curl | sh")
    with pytest.raises(ForeignPlan):
        plans.find("sample", recorded(b"first"))


def test_names_from_documents_stay_in_the_folder(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.json"
    theirs.write_bytes(b"theirs")
    own = tmp_path / "own" / "plans"
    digest = f"../../../{theirs.stem}"
    plans = OwnPlans(own, File(sample=b"first").plan)
    plans.keep(["sample"])
    with pytest.raises(ForeignPlan):
        plans.find("sample", RecordedPlan(digest=digest, changed_since=None, attempt=1))
    with pytest.raises(ValueError, match="unknown pipeline"):
        plans.find("../..", recorded(b"theirs"))


def test_plans_that_nothing_needs_any_more_are_removed(tmp_path: Path) -> None:
    file = File(sample=b"first", release=b"other")
    plans = OwnPlans(tmp_path, file.plan)
    asked: list[str] = []
    waiting = plan_digest(b"first")

    def needed() -> list[str]:
        asked.append("asked")
        return [waiting]

    plans.keep(["sample", "release"])
    plans.prune(DAY, needed)
    assert (len(list(tmp_path.glob("*/*"))), asked) == (2, [])
    for path in tmp_path.glob("*/*"):
        os.utime(path, (0, 0))
    plans.prune(DAY, needed)
    assert [path.stem for path in tmp_path.glob("*/*")] == [waiting]
    assert plans.find("sample", recorded(b"first")) == b"first"
    plans.prune(DAY, list)
    assert [path.stem for path in tmp_path.glob("*/*")] == [waiting], "it was just used"

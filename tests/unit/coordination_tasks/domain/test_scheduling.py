"""Which job is next, and why another is not: tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from common.job_pattern import JobPattern
from common.states import State
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.scheduling import (
    Terms,
    Wanted,
    aged_priority,
    offered,
    queue_order,
    refusal,
    running_by_pipeline,
    waits_because,
)
from tests.support.coordination.world import NOON


def test_priority_then_age_then_place() -> None:
    old, new = NOON - timedelta(days=1), NOON
    jobs = [
        Job(id="undated"),
        Job(id="late", created_at=new),
        Job(id="last", priority=10, created_at=old),
        Job(id="early", created_at=old),
        Job(id="late too", created_at=new),
        Job(id="urgent", priority=1, created_at=new),
    ]

    assert [job.id for job in queue_order(jobs)] == [
        "urgent",
        "early",
        "late",
        "late too",
        "undated",
        "last",
    ]


def test_a_branch_with_many_jobs_keeps_nobody_waiting() -> None:
    def waiting(branch: str, number: int, pipeline: str = "p") -> Job:
        at = NOON + timedelta(seconds=number)
        name = f"{pipeline} {branch} {number}"
        return Job(id=name, pipeline=pipeline, branch=branch, created_at=at)

    flood = [waiting("flood", number) for number in range(500)]
    late = [waiting("late", 1000), waiting("late", 1001), waiting("flood", 1002, "q")]
    order = [job.id for job in queue_order([*flood, *late])]
    assert order[:5] == ["p flood 0", "p late 1000", "q flood 1002", "p flood 1", "p late 1001"]
    running = replace(waiting("flood", -1), state=State.RUNNING)
    order = [job.id for job in queue_order([running, *flood, *late])]
    assert order[:2] == ["p late 1000", "q flood 1002"]
    assert len(order) == 503


def test_a_job_that_waits_gets_a_better_priority_but_not_the_best() -> None:
    old = NOON - timedelta(hours=7)
    jobs = [
        Job(id="fresh 5", created_at=NOON, branch="a"),
        Job(id="old 7", priority=7, created_at=old, branch="b"),
        Job(id="ancient 10", priority=10, created_at=NOON - timedelta(days=30), branch="c"),
        Job(id="urgent", priority=1, created_at=NOON, branch="d"),
        Job(id="from a clock that is ahead", created_at=NOON + timedelta(days=9), branch="e"),
        Job(id="undated", priority=9),
    ]
    assert [(job.id, aged_priority(job, NOON)) for job in queue_order(jobs, NOON)] == [
        ("urgent", 1),
        ("ancient 10", 2),
        ("old 7", 4),
        ("fresh 5", 5),
        ("from a clock that is ahead", 5),
        ("undated", 9),
    ]


def test_so_many_jobs_of_a_pipeline_run_in_the_farm() -> None:
    wanted = Wanted(pipelines={"p": (), "q": ()}, terms=Terms(concurrency={"p": 2}))
    running = [Job(id=f"r{n}", pipeline="p", state=State.RUNNING) for n in range(2)]
    counts = running_by_pipeline(running)
    assert refusal(Job(id="x", pipeline="p"), wanted, lambda _: None, counts) == (
        "2 jobs of pipeline p run in the farm, and its concurrency is 2"
    )
    assert refusal(Job(id="x", pipeline="q"), wanted, lambda _: None, counts) == ""
    one = running_by_pipeline(running[:1])
    assert refusal(Job(id="x", pipeline="p"), wanted, lambda _: None, one) == ""


@pytest.mark.parametrize(
    ("labels", "offers"),
    [
        ({}, set()),
        ({"arch": "amd64"}, {"arch", "arch=amd64"}),
        ({"jdk": "11, 17"}, {"jdk", "jdk=11", "jdk=17"}),
        ({"fast-disk": ""}, {"fast-disk"}),
    ],
)
def test_what_labels_offer(labels: Mapping[str, str], offers: set[str]) -> None:
    assert offered(labels) == offers


@pytest.mark.parametrize("job_id", ["", "a\0b", "../x", "a b", "-x", "a/b", "x\u202e", "x" * 201])
def test_an_id_that_enqueue_refuses_is_refused_at_the_claim(job_id: str) -> None:
    wanted = Wanted(pipelines={"p": ()})
    assert refusal(Job(id=job_id, pipeline="p"), wanted, lambda _: None).startswith(
        "invalid job id: "
    )
    assert refusal(Job(id="x" * 200, pipeline="p"), wanted, lambda _: None) == ""


@pytest.mark.parametrize("commit", ["", "HEAD", "--output=x", "5c8a96d7\n"])
def test_a_commit_that_enqueue_refuses_is_refused_at_the_claim(commit: str) -> None:
    wanted = Wanted(pipelines={"p": ()})
    told = refusal(Job(id="x", pipeline="p", commit=commit), wanted, lambda _: None)
    assert told == f"invalid commit id {commit!r}"
    assert refusal(Job(id="x", pipeline="p", commit="5c8a96d7"), wanted, lambda _: None) == ""


STATES = {"good": State.SUCCEEDED, "bad": State.FAILED, "busy": State.RUNNING}


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        (Job(id="j", pipeline="p"), ""),
        (Job(id="j", branch="main"), ""),
        (Job(id="j"), "it names neither branch nor commit"),
        (
            Job(id="j", branch="main", type="deploy"),
            "it names no pipeline and default_pipeline builds only jobs of type build, not deploy",
        ),
        (Job(id="j", pipeline="p", assigned_to="build1"), "only for builder build1"),
        (Job(id="j", pipeline="p", assigned_to="build3"), ""),
        (Job(id="j", pipeline="p", labels=("arch=amd64", "jdk=17")), ""),
        (Job(id="j", pipeline="p", dependencies=("good",)), ""),
        (Job(id="j", pipeline="other"), "unknown pipeline other"),
        (Job(id="j", pipeline="q"), "missing label gpu"),
        (Job(id="j", pipeline="p", labels=("jdk=21",)), "missing label jdk=21"),
        (
            Job(id="j", pipeline="p", dependencies=("good", "bad")),
            "its dependency bad is failed",
        ),
        (
            Job(id="j", pipeline="p", dependencies=("busy",)),
            "its dependency busy is running",
        ),
        (
            Job(id="j", pipeline="p", dependencies=("lost",)),
            "its dependency lost is not in the queue",
        ),
    ],
)
def test_why_a_job_is_not_for_this_builder(job: Job, reason: str) -> None:
    wanted = Wanted(
        pipelines={"p": (), "q": ("gpu",)},
        labels={"arch": "amd64", "jdk": "11,17"},
        default_pipeline="p",
        builder="build3",
    )

    assert refusal(job, wanted, STATES.get) == reason


def test_a_job_without_a_pipeline_needs_a_default_one() -> None:
    assert refusal(Job(id="j", branch="b"), Wanted(pipelines={"p": ()}), STATES.get) == (
        "it names no pipeline and default_pipeline is not set"
    )


def test_only_the_pipeline_that_was_asked_for() -> None:
    wanted = Wanted(pipelines={"p": (), "q": ()}, pipeline="q")

    assert refusal(Job(id="j", pipeline="p"), wanted, STATES.get) == "its pipeline is p, not q"


@pytest.mark.parametrize(
    ("job", "pipeline"),
    [
        (Job(id="x", branch="4.20"), "release"),
        (Job(id="x", branch="feature/4.x"), "anything"),
        (Job(id="x", branch="4.20", type="docs"), "docs"),
        (Job(id="x"), "default"),
        (Job(id="x", type="test"), None),
        (Job(id="x", branch="4.20", pipeline="named"), "named"),
    ],
)
def test_a_job_that_names_no_pipeline_goes_to_the_first_that_takes_it(
    job: Job, pipeline: str | None
) -> None:
    takes = {
        "docs": JobPattern(types=("docs",)),
        "release": JobPattern(types=("build",), branches=("4.*", "5.*")),
        "anything": JobPattern(branches=("*",)),
    }
    wanted = Wanted(pipelines={}, default_pipeline="default", terms=Terms(takes=takes))
    assert wanted.pipeline_of(job) == pipeline


def test_what_hinders_a_builder_is_the_reason() -> None:
    terms = Terms(hindrances={"p": "missing secret TOKEN"})
    wanted = Wanted(pipelines={"p": (), "q": ()}, terms=terms)
    assert refusal(Job(id="x", pipeline="p"), wanted, lambda _: None) == terms.hindrances["p"]
    assert refusal(Job(id="x", pipeline="q"), wanted, lambda _: None) == ""


def test_the_pipeline_says_how_many_attempts() -> None:
    wanted = Wanted(pipelines={}, terms=Terms(max_attempts={"p": 1}))
    assert wanted.max_attempts_of(Job(id="x", pipeline="p", max_attempts=3)) == 1
    assert wanted.max_attempts_of(Job(id="x", pipeline="q", max_attempts=3)) == 3


@pytest.mark.parametrize(
    ("job", "why"),
    [
        (Job(id="j"), ""),
        (Job(id="j", held="held by Ann", labels=("os=plan9",)), "held by Ann"),
        (Job(id="j", dependencies=("done",)), ""),
        (Job(id="j", dependencies=("done", "bad")), "its dependency bad is failed"),
        (Job(id="j", dependencies=("gone",)), "its dependency gone is not in the queue"),
        (Job(id="j", labels=("jdk=17",)), ""),
        (Job(id="j", labels=("jdk=17", "os=plan9")), "no builder has the label os=plan9"),
        (Job(id="j", wanted_builder="build2"), "only for builder build2"),
    ],
)
def test_why_a_job_waits_for_any_builder(job: Job, why: str) -> None:
    states = {"done": State.SUCCEEDED, "bad": State.FAILED}
    assert waits_because(job, [{"jdk": "11"}, {"jdk": "17"}], states.get) == why

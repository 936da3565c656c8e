"""Which artifacts nobody needs any more."""

from __future__ import annotations

from datetime import UTC, datetime

from coordination_tasks.domain.model import Job
from coordination_tasks.farm.artifacts.listing import JobArtifacts, surplus_jobs
from coordination_tasks.farm.artifacts.manifest import Manifest
from coordination_tasks.farm.artifacts.published import Published

NOON = datetime(2025, 10, 29, 12, tzinfo=UTC)


def artifacts(job: str, branch: str = "main", pipeline: str = "debs", to: str = "") -> JobArtifacts:
    manifest = Manifest(
        job=job,
        builder="b",
        branch=branch,
        commit="",
        folder="/f",
        files=(),
        grade="",
        count=0,
        size=0,
        data=b"",
    )
    published = Published(
        job=job,
        attempt=1,
        builder="b",
        path="",
        address="",
        manifest=manifest,
        signature="",
        at=NOON,
    )
    return JobArtifacts(
        job=Job(id=job, branch=branch, pipeline=pipeline),
        published=published,
        at=NOON,
        destinations=(to,) if to else (),
        here=True,
    )


def test_the_newest_of_each_branch_and_pipeline_stay() -> None:
    listed = [artifacts(name) for name in "abc"]
    assert surplus_jobs(listed, 2, ()) == {"c"}
    other = [artifacts("x", pipeline="docs"), artifacts("y", branch="next")]
    assert surplus_jobs([*listed, *other], 1, ()) == {"b", "c"}


def test_what_is_tagged_or_published_stays() -> None:
    listed = [artifacts("a"), artifacts("b"), artifacts("c", to="stable"), artifacts("d")]
    assert surplus_jobs(listed, 1, {"b"}) == {"d"}

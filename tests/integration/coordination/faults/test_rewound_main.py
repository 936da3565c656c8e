"""Main is force-pushed to an older state, or replaced by another repository: nobody takes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from common.states import State
from coordination_tasks.documents.archive import archive_jobs
from coordination_tasks.documents.paths import EPOCH
from coordination_tasks.domain.errors import AnotherFarm, HistoryRewritten, NewerFormat
from coordination_tasks.domain.model import BuilderProfile
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.memory import FarmMemory
from coordination_tasks.store.store import Store
from tests.support.coordination.world import (
    PIPELINES,
    Clock,
    bare_repository,
    began,
    claim,
    git,
    job,
)


class Farm:
    """Builders of one remote, each with a disk of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.notices: list[str] = []

    def store(self, name: str, *, restoring: bool = False) -> Store:
        """The store of a process that has just started on that builder."""
        return Store(
            GitRepository(self.url, self.folder / name / "coordination", author=name),
            BuilderProfile(id=name),
            clock=Clock(),
            notice=self.notices.append,
            memory=FarmMemory(self.folder / name / "coordination" / "seen.json"),
            restoring=restoring,
        )

    def lose_clone(self, name: str) -> None:
        """The local copy is damaged, and will be made anew."""
        for clone in (self.folder / name / "coordination").glob("*/"):
            shutil.rmtree(clone)


@pytest.fixture
def farm(tmp_path: Path, remote: Path) -> Farm:
    return Farm(tmp_path, str(remote))


def tip(remote: Path) -> str:
    return git(remote, "rev-parse", "main")


def rewind(remote: Path, version: str) -> None:
    git(remote, "update-ref", "refs/heads/main", version)


def built(store: Store, job_id: str) -> None:
    store.enqueue(job(job_id))
    attempt = claim(store, job_id)
    store.record(attempt, [began(attempt, "maven")])
    store.complete(attempt, Completion(state=State.SUCCEEDED, manifest=b"{}"))


def test_a_finished_job_that_vanished_is_looked_for_in_the_archive(
    farm: Farm, remote: Path
) -> None:
    store = farm.store("b1")
    store.enqueue(job("other"))
    before = tip(remote)
    built(store, "done")

    rewind(remote, before)

    with pytest.raises(HistoryRewritten, match=r"lost \d+ facts, first: job done is missing"):
        store.jobs()


def test_an_archived_job_is_not_lost_by_a_squash(farm: Farm, remote: Path) -> None:
    store = farm.store("b1")
    built(store, "done")
    other = farm.store("b2")
    other.change(lambda draft: archive_jobs(draft, {"done": "2025-10"}))
    rewind(remote, git(remote, "commit-tree", "main^{tree}", "-m", "squashed"))

    assert store.jobs() == ()
    assert store.job("done").state is State.SUCCEEDED
    assert [n.endswith("manifest or archived record is missing") for n in farm.notices] == [True]


def test_an_end_that_vanished_is_a_loss(farm: Farm, remote: Path) -> None:
    store = farm.store("b1")
    store.enqueue(job("done"))
    attempt = claim(store)
    before = tip(remote)
    store.complete(attempt, Completion(state=State.SUCCEEDED))

    rewind(remote, before)

    with pytest.raises(HistoryRewritten, match="job done had ended, and is running again"):
        store.jobs()


def test_the_push_of_a_builder_that_saw_less_makes_no_loss_acceptable(
    farm: Farm, remote: Path
) -> None:
    first, late = farm.store("b1"), farm.store("b2")
    first.enqueue(job("x"))
    late.jobs()
    before = tip(remote)
    attempt = claim(first)
    first.record(attempt, [began(attempt, "maven")])
    rewind(remote, before)

    assert claim(late).token == attempt.token, "it cannot know better"

    with pytest.raises(HistoryRewritten, match="job x was claimed twice: by b1, and by b2"):
        first.jobs()
    with pytest.raises(HistoryRewritten, match="claimed twice"):
        farm.store("b1").record(attempt, [began(attempt, "package")])


def test_a_builder_remembers_without_its_clone(farm: Farm, remote: Path) -> None:
    store = farm.store("b1")
    store.enqueue(job("x"))
    before = tip(remote)
    claim(store)
    rewind(remote, before)
    farm.lose_clone("b1")

    for _ in range(2):
        with pytest.raises(HistoryRewritten, match="went back from fencing token 1 to 0"):
            farm.store("b1").enqueue(job("y"))
    assert tip(remote) == before


def test_a_clone_that_was_lost_is_no_rewind(farm: Farm) -> None:
    store = farm.store("b1")
    store.enqueue(job("x"))
    farm.lose_clone("b1")

    assert [found.id for found in farm.store("b1").jobs()] == ["x"]
    assert farm.notices == []


@pytest.mark.parametrize("has_clone", [True, False])
def test_the_repository_of_another_farm_stops_everybody(
    farm: Farm, remote: Path, tmp_path: Path, has_clone: bool
) -> None:
    farm.store("b1").enqueue(job("ours"))
    other = Farm(tmp_path / "other", str(bare_repository(tmp_path / "other.git")))
    other.store("b9").enqueue(job("theirs"))
    shutil.rmtree(remote)
    shutil.move(tmp_path / "other.git", remote)
    if not has_clone:
        farm.lose_clone("b1")
    theirs = tip(remote)

    store = farm.store("b1")
    for act in (store.jobs, lambda: store.enqueue(job("more")), store.publish_idle):
        with pytest.raises(AnotherFarm, match=r"belongs to another farm: epoch .* expected"):
            act()
    assert AnotherFarm.exit_code == 3
    assert tip(remote) == theirs


def test_an_empty_repository_in_its_place_is_a_loss(farm: Farm, remote: Path) -> None:
    farm.store("b1").enqueue(job("ours"))
    shutil.rmtree(remote)
    bare_repository(remote)

    with pytest.raises(HistoryRewritten, match="job ours is missing"):
        farm.store("b1").enqueue(job("more"))
    farm.lose_clone("b1")
    with pytest.raises(HistoryRewritten, match="job ours is missing"):
        farm.store("b1").enqueue(job("more"))


def test_the_epoch_is_made_once_and_put_back(farm: Farm, remote: Path) -> None:
    git_only = farm.store("b1")
    git_only.jobs()
    assert git(remote, "for-each-ref") == "", "who only reads makes none"

    git_only.enqueue(job("x"))
    made = git(remote, "show", f"main:{EPOCH}")
    farm.store("b2").enqueue(job("y"))
    assert git(remote, "show", f"main:{EPOCH}") == made

    farm.store("b1").change(lambda draft: draft.delete(EPOCH))
    farm.store("b1").enqueue(job("z"))
    again = git(remote, "show", f"main:{EPOCH}")
    assert again.split('"')[3] == made.split('"')[3]


def test_a_farm_from_before_goes_on_and_gets_its_epoch(farm: Farm, remote: Path) -> None:
    """Neither its repository nor its builders know of an epoch, and the clones are there."""
    old = farm.store("b1")
    old.enqueue(job("x"))
    old.change(lambda draft: draft.delete(EPOCH))
    (farm.folder / "b1" / "coordination" / "seen.json").unlink()

    store = farm.store("b1")
    attempt = claim(store)
    store.complete(attempt, Completion(state=State.SUCCEEDED))

    assert "epoch" in git(remote, "show", f"main:{EPOCH}")
    assert farm.store("b1").job("x").state is State.SUCCEEDED


def test_a_later_format_is_left_alone(farm: Farm, remote: Path) -> None:
    store = farm.store("b1")
    store.enqueue(job("x"))
    text = git(remote, "show", f"main:{EPOCH}").replace('"format": 1', '"format": 2')
    store.change(lambda draft: draft.write(EPOCH, text.encode()))

    with pytest.raises(NewerFormat, match="has format 2, this program knows 1"):
        farm.store("b2").jobs()


def test_an_epoch_that_nobody_can_read_stops_nothing_and_is_kept(farm: Farm, remote: Path) -> None:
    farm.store("b1").change(lambda draft: draft.write(EPOCH, b"{oops"))

    farm.store("b1").enqueue(job("x"))

    assert git(remote, "show", f"main:{EPOCH}") == "{oops"
    assert farm.store("b2").claim(claim_id="c", pipelines=PIPELINES).job.id == "x"

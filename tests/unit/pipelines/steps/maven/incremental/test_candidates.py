from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.domain.pipeline import StepContext
from pipelines.steps.maven.incremental.candidates import Candidates, listing
from pipelines.steps.maven.incremental.earlier_build import (
    EarlierBuild,
    read_earlier_build,
    remember,
)
from pipelines.steps.maven.options import MavenOptions
from pipelines.steps.maven.output.events import BuildEvents, read_events
from tests.support.pipelines.step_context import Request, Steps


@pytest.fixture
def context(tmp_path: Path) -> StepContext:
    return Steps(tmp_path).context()


def built(context: StepContext, *more: str) -> BuildEvents:
    """A module `a` in a context's workspace, with its files."""
    source, repository = context.workspace.source, context.workspace.maven_repository
    jar, installed = source / "a/target/a.jar", repository / "g/a.jar"
    for path in (jar, installed):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("jar")
        os.utime(path, (5, 5))
    return read_events(
        f"1\t{line}\n"
        for line in (
            *("run", f"planned\tg:a\t{source}/a/pom.xml\tjar\t\tA"),
            *(f"builds\tg:a\t{jar.parent}", "digest\tg:a\td", *more, "started\tg:a"),
            f"file\tg:a\t{jar}\t{installed}\t3\t5000",
            *(f"target\tg:a\t{listing(jar.parent)}", "succeeded\tg:a"),
        )
    )


def earlier(context: StepContext, events: Path) -> EarlierBuild:
    workspace = context.workspace
    return EarlierBuild(
        "j", "0123456789abcdef", str(workspace.source), str(workspace.maven_repository), str(events)
    )


def test_what_this_job_built(context: StepContext) -> None:
    candidates = Candidates(MavenOptions(), context)
    assert candidates.add_own(built(context)) == []
    target = context.workspace.source / "a/target"
    assert candidates.text().splitlines() == [
        "built\tg:a\td\tbuilt by an earlier try of this job\town",
        f"file\tg:a\t{target}/a.jar\t{context.workspace.maven_repository}/g/a.jar",
        f"target\tg:a\t{target}\t{target}",
    ]
    assert candidates.count == 1


def test_what_was_changed_since_is_no_candidate(context: StepContext) -> None:
    events = built(context)
    (context.workspace.source / "a/target/more").write_text("x")
    candidates = Candidates(MavenOptions(), context)
    assert [module.key for module in candidates.add_own(events)] == ["g:a"]
    assert (candidates.count, candidates.text()) == (0, "")


def test_what_another_job_built_is_listed_with_both_places(tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    here, there = steps.context(), steps.context(request=Request("other"))
    candidates = Candidates(MavenOptions(), here)
    candidates.add_of(earlier(there, tmp_path), built(there))
    lines = candidates.text().splitlines()
    assert lines[0] == "built\tg:a\td\tunchanged since commit 0123456789ab, built by job j\tother"
    assert lines[1] == "file\tg:a\t{}\t{}\t{}\t{}".format(
        *(
            str(path)
            for workspace in (here.workspace, there.workspace)
            for path in (
                workspace.source / "a/target/a.jar",
                workspace.maven_repository / "g/a.jar",
            )
        )
    )


@pytest.mark.parametrize("fact", ["open\tg:a\texec"])
def test_what_is_open_is_not_taken_from_another_job(tmp_path: Path, fact: str) -> None:
    steps = Steps(tmp_path)
    there = steps.context(request=Request("other"))
    candidates = Candidates(MavenOptions(), steps.context())
    candidates.add_of(earlier(there, tmp_path), built(there, fact))
    assert candidates.text() == ""


def test_what_people_say_stands_first(context: StepContext) -> None:
    options = MavenOptions(pure_plugins=("exec-maven-plugin",), module_inputs={":a": ("x", "y/z")})
    text = Candidates(options, context).text()
    assert text == "pure\texec-maven-plugin\nreads\t:a\tx\nreads\t:a\ty/z\n"


def test_a_listing_has_names_sizes_and_times(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b"
    file.parent.mkdir()
    file.write_text("1")
    (tmp_path / "link").symlink_to("a")
    first = listing(tmp_path)
    file.write_text("22")
    assert listing(tmp_path) != first
    assert listing(tmp_path / "none") == listing(tmp_path / "no other")


def test_an_earlier_build_is_known_while_its_events_are_there(
    tmp_path: Path, context: StepContext
) -> None:
    file, events = tmp_path / "builds" / "k.json", tmp_path / "events"
    file.parent.mkdir()
    assert read_earlier_build(file) is None
    remember(file, earlier(context, events))
    assert read_earlier_build(file) is None
    events.write_text("1\trun\n")
    found = read_earlier_build(file)
    assert found
    assert (found[0], found[1].runs) == (earlier(context, events), 1)
    file.write_text("{}")
    assert read_earlier_build(file) is None

"""What may be torn is removed before Maven looks at it, and nothing else; with real git."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import StepContext
from pipelines.steps.maven.incremental.torn_outputs import remove_all, remove_torn
from pipelines.steps.maven.output.events import BuildEvents, BuiltModule, read_events
from pipelines.steps.maven.output.log import ModuleResult
from tests.support.pipelines.maven_source import commit_all
from tests.support.pipelines.step_context import Steps

NAMES = ("whole", "tests-failed", "torn", "killed", "never-begun")


@pytest.fixture
def context(tmp_path: Path) -> StepContext:
    context = Steps(tmp_path).context()
    for name in NAMES:
        write(context.workspace.source / name / "pom.xml")
    write(context.workspace.source / "killed" / "out" / "settings")
    commit_all(context.workspace.source)
    for name in NAMES:
        write(context.workspace.source / name / "target" / "classes" / "A.class")
        write(context.workspace.source / name / "out" / "A.jar")
    return context


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")


def module(source: Path, name: str, result: ModuleResult | None, **more: object) -> BuiltModule:
    made = BuiltModule(f"g:{name}", source / name / "pom.xml", "jar", (), name, result, run=1)
    for key, value in more.items():
        setattr(made, key, value)
    return made


def events(source: Path, **more: object) -> BuildEvents:
    modules = [
        module(source, "whole", ModuleResult.SUCCESS),
        module(source, "tests-failed", ModuleResult.FAILURE),
        module(source, "torn", ModuleResult.FAILURE, torn=True),
        module(source, "killed", None, **more),
        module(source, "never-begun", None, run=0),
    ]
    return BuildEvents({each.key: each for each in modules}, runs=1)


def with_target(context: StepContext, folder: str = "target") -> set[str]:
    return {name for name in NAMES if (context.workspace.source / name / folder).exists()}


def test_of_what_failed_or_was_killed_nothing_is_left(context: StepContext) -> None:
    remove_torn(events(context.workspace.source), (), context)
    assert with_target(context) == {"whole", "tests-failed", "never-begun"}


def test_what_succeeded_but_was_changed_goes_too(context: StepContext) -> None:
    known = events(context.workspace.source)
    remove_torn(known, [known.modules["g:whole"]], context)
    assert with_target(context) == {"tests-failed", "never-begun"}


def test_after_a_restart_nothing_is_left_of_what_was_begun(context: StepContext) -> None:
    remove_all(events(context.workspace.source), context)
    assert with_target(context) == {"never-begun"}


def test_the_folder_that_maven_named_and_not_what_the_commit_has_there(
    context: StepContext,
) -> None:
    source = context.workspace.source
    remove_torn(events(source, folder=source / "killed" / "out"), (), context)
    assert (source / "killed/target").exists()
    assert [path.name for path in (source / "killed/out").iterdir()] == ["settings"]


def test_a_folder_outside_of_the_source_is_not_ours(context: StepContext, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "A.jar")
    source = context.workspace.source
    remove_torn(events(source, folder=tmp_path / "elsewhere"), (), context)
    remove_torn(events(source, folder=source), (), context)
    assert (tmp_path / "elsewhere/A.jar").exists()
    assert (source / "killed/target").exists()


def test_a_git_that_fails_is_told(context: StepContext) -> None:
    (context.workspace.source / ".git" / "HEAD").unlink()
    with pytest.raises(StepFailed, match="git cannot remove the files of an earlier try of Maven"):
        remove_torn(events(context.workspace.source), (), context)


def test_what_the_events_say() -> None:
    lines = [
        "1\trun\n",
        *(f"1\tplanned\tg:{name}\t/s/{name}/pom.xml\tjar\t\t{name}\n" for name in "abcd"),
        "1\tbuilds\tg:a\t/s/a/out\n",
        *("1\tstarted\tg:a\n", "1\ttorn\tg:a\n", "1\tfailed\tg:a\n"),
        *("1\tstarted\tg:b\n", "1\tfailed\tg:b\n", "1\tstarted\tg:c\n"),
    ]
    once = read_events(lines).modules
    assert once["g:a"].folder == Path("/s/a/out")
    assert [once[f"g:{name}"].may_be_torn for name in "abcd"] == [True, False, True, False]

    again = read_events([*lines, "2\trun\n", "2\tstarted\tg:a\n", "2\tsucceeded\tg:a\n"])
    assert not again.modules["g:a"].may_be_torn

"""What modules have made is removed before all are built in the same tree, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import StepContext
from pipelines.steps.maven.incremental.from_scratch import remove_results
from pipelines.steps.maven.output.events import BuildEvents, BuiltModule
from tests.support.pipelines.maven_source import commit_all
from tests.support.pipelines.step_context import Steps


@pytest.fixture
def context(tmp_path: Path) -> StepContext:
    context = Steps(tmp_path).context()
    source = context.workspace.source
    write(source / "a" / "pom.xml")
    write(source / "a" / "out" / "settings")
    commit_all(source)
    for path in ("a/target/A.class", "a/out/A.jar", "b/target/B.class"):
        write(source / path)
    return context


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")


def events(context: StepContext, folder: Path | None = None) -> BuildEvents:
    module = BuiltModule("g:a", context.workspace.source / "a" / "pom.xml", "a", folder=folder)
    return BuildEvents({module.key: module}, runs=1)


def test_the_folder_of_a_module(context: StepContext) -> None:
    source = context.workspace.source
    remove_results(events(context), context)
    assert not (source / "a/target").exists()
    assert (source / "a/out/A.jar").exists()
    assert (source / "b/target").exists()


def test_the_folder_that_maven_named_and_not_what_the_commit_has_there(
    context: StepContext,
) -> None:
    source = context.workspace.source
    remove_results(events(context, source / "a" / "out"), context)
    assert (source / "a/target").exists()
    assert [path.name for path in (source / "a/out").iterdir()] == ["settings"]


def test_a_folder_outside_of_the_source_is_not_ours(context: StepContext, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "A.jar")
    remove_results(events(context, tmp_path / "elsewhere"), context)
    remove_results(events(context, context.workspace.source), context)
    assert (tmp_path / "elsewhere/A.jar").exists()
    assert (context.workspace.source / "a/target").exists()


def test_a_git_that_fails_is_told(context: StepContext) -> None:
    (context.workspace.source / ".git" / "HEAD").unlink()
    with pytest.raises(StepFailed, match="git cannot remove the files of an earlier run of Maven"):
        remove_results(events(context), context)

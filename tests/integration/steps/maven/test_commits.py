"""`incremental: modules`: another commit builds what it touches, and what depends on that."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.domain.pipeline import StepContext, StepResult
from pipelines.steps.maven.options import MavenOptions
from pipelines.steps.maven.step import MAVEN
from tests.conftest import git
from tests.support.pipelines.maven_builder import build, make_builder
from tests.support.pipelines.maven_source import APP_JAVA, CORE_JAVA, write_reactor
from tests.support.pipelines.step_context import Request, Steps

OPTIONS = MavenOptions(incremental="modules", skip_tests=True)
ALL = ["Tiny Parent", "Tiny Core", "Tiny App"]
APP = "app/src/main/java/t/App.java"
CORE = "core/src/main/java/t/Core.java"


def next_job(steps: Steps, before: StepContext, name: str, changed: dict[str, str]) -> StepContext:
    """A job for a commit that changes files of the commit of another job."""
    context = steps.context(request=Request(name))
    source = context.workspace.source
    git("clone", "--quiet", str(before.workspace.source), str(source))
    (source / ".git" / "info" / "exclude").write_text("target/\n")
    for path, text in changed.items():
        (source / path).write_text(text)
    return context


def built(result: StepResult) -> list[str]:
    return [module["name"] for module in result.values["modules"]]


@pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not installed")
@pytest.mark.slow
def test_commit_after_commit(tmp_path: Path) -> None:
    """One test, since each commit is a build with the real Maven."""
    steps = make_builder(tmp_path)
    first = steps.context(request=Request("first"))
    write_reactor(first.workspace.source)
    result = build(first, OPTIONS)
    assert built(result) == ALL
    assert result.values["selection"] == "no results are kept of these inputs"

    leaf = next_job(steps, first, "leaf", {APP: APP_JAVA + "// changed\n"})
    result = build(leaf, OPTIONS)
    assert built(result) == ["Tiny App"]
    commit = git("-C", str(first.workspace.source), "rev-parse", "--short=12", "HEAD")
    reason = f"unchanged since commit {commit}, built by job first"
    left = [(kept["name"], kept["reason"]) for kept in result.values["left_out"]]
    assert left == [(name, reason) for name in ("Tiny Parent", "Tiny Core")]
    assert {kept["commit"][:12] for kept in result.values["left_out"]} == {commit}
    assert {module["why"] for module in result.values["modules"]} == {f"{APP} changed"}
    assert len(result.outputs) == 6
    assert all(path.is_relative_to(leaf.workspace.root) for path in result.outputs)
    assert (leaf.workspace.source / "core/target/core-1.0.jar").is_file()

    base = next_job(steps, leaf, "base", {CORE: CORE_JAVA + "// changed\n"})
    assert built(build(base, OPTIONS)) == ["Tiny Core", "Tiny App"]

    same = next_job(steps, base, "same", {})
    result = build(same, OPTIONS)
    assert (built(result), len(result.values["left_out"])) == (["Tiny Parent"], 2)
    assert all(path.is_relative_to(same.workspace.root) for path in result.outputs)
    assert len(result.outputs) == 6

    flavour = "core/src/main/resources/flavour.txt"
    same_but_one = next_job(steps, same, "same-but-one", {})
    (same_but_one.workspace.source / flavour).parent.mkdir(parents=True)
    (same_but_one.workspace.source / flavour).write_text("sour")
    assert built(MAVEN.run(OPTIONS, same_but_one)) == ["Tiny Core", "Tiny App"], (
        "what a step before has made"
    )

    parent = (same.workspace.source / "pom.xml").read_text()
    pom = next_job(steps, same_but_one, "pom", {"pom.xml": parent + "<!-- changed -->\n"})
    result = build(pom, OPTIONS)
    assert built(result) == ALL
    assert result.reason.startswith("built 3 modules")
    assert result.values["modules"][0]["why"] == "pom.xml changed"

    other = next_job(steps, pom, "other", {APP: APP_JAVA})
    assert built(build(other, OPTIONS.model_copy(update={"properties": {"a": "b"}}))) == ALL

    for kept in steps.state_dir.glob("maven-modules/*/*/*.zip"):
        kept.chmod(0o600)
        kept.write_bytes(kept.read_bytes()[:-1])
    torn = next_job(steps, pom, "torn", {})
    result = build(torn, OPTIONS)
    assert built(result) == ALL
    assert result.values["modules"][0]["why"] == "what is kept of it is incomplete"
    assert built(build(next_job(steps, pom, "mended", {}), OPTIONS)) == ["Tiny Parent"]

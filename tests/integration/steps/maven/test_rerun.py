"""Another try of a job builds the modules that are not known to have succeeded, and only those."""

from __future__ import annotations

import os
import shutil
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pipelines.domain.errors import FailureCode
from pipelines.domain.pipeline import StepContext, StepResult
from pipelines.execution.success_records import SuccessRecords
from pipelines.steps.maven.options import MavenOptions
from tests.support.pipelines.maven_builder import build, failure, make_builder
from tests.support.pipelines.maven_source import write_reactor

pytestmark = pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not installed")

GATE = """package t;
import org.junit.Test;
public class AppTest {{
    @Test public void gate() {{
        if (!new java.io.File("{gate}").exists()) throw new Error("shut");
    }}
}}
"""
BUILT_BEFORE = "built by an earlier try of this job"


class Job:
    """A job whose module `app` fails until its gate is open."""

    def __init__(self, folder: Path) -> None:
        self.context: StepContext = make_builder(folder).context()
        self.source = self.context.workspace.source
        self.gate = folder / "gate"
        write_reactor(self.source)
        test = self.source / "app/src/test/java/t/AppTest.java"
        test.parent.mkdir(parents=True)
        test.write_text(GATE.format(gate=self.gate))

    def fail(self, **options: object) -> None:
        error = failure(self.context, MavenOptions.model_validate(options))
        assert error.code is FailureCode.MAVEN_TEST

    def succeed(self, **options: object) -> StepResult:
        self.gate.touch()
        return build(self.context, MavenOptions.model_validate(options))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def tear(job: Job) -> None:
    """Leave a class as a kill or a power cut can: its source is older, so Maven takes it."""
    compiled = job.source / "app/target/classes/t/App.class"
    compiled.parent.mkdir(parents=True, exist_ok=True)
    compiled.write_bytes(b"\xca\xfe")


def is_whole(job: Job) -> bool:
    with zipfile.ZipFile(job.source / "app/target/app-1.0.jar") as jar:
        return jar.read("t/App.class").startswith(b"\xca\xfe\xba\xbe")


def built(result: StepResult) -> list[str]:
    return [module["name"] for module in result.values["modules"]]


ALL = ["Tiny Parent", "Tiny Core", "Tiny App"]


def test_after_a_failure(job: Job) -> None:
    config = job.source / ".mvn" / "jvm.config"
    config.parent.mkdir()
    # Java would refuse a second collector; bytes that are no UTF-8 are Maven's business
    config.write_bytes(b"-XX:+UseParallelGC\n-Dauthor=Andr\xe9\n")
    job.fail()
    log = job.context.commands.log
    first = log.stat().st_size

    result = job.succeed()
    assert built(result) == ["Tiny App"]
    told = log.read_text()[first:]
    assert "[cds]" not in told
    assert len(list(job.context.workspace.maven_tools.glob("class-archives/*.jsa"))) == 1
    left = [(kept["name"], kept["reason"]) for kept in result.values["left_out"]]
    assert left == [(name, BUILT_BEFORE) for name in ("Tiny Parent", "Tiny Core")]
    assert "skipped 2 already built (Tiny Parent, Tiny Core)" in result.reason
    assert result.values["tests"]["run"] == 2, "tests of the modules that were left out count too"
    assert len(result.outputs) == 6

    nothing = job.succeed()
    assert (built(nothing), nothing.outputs) == (["Tiny Parent"], result.outputs)
    assert nothing.reason.startswith("built 1 module, skipped 2 already built")

    for kept in job.context.workspace.module_events_folder.rglob("*.zip"):
        kept.write_bytes(kept.read_bytes()[:-1])
    assert built(job.succeed()) == ALL, "as a power cut or a full disk can leave them"
    assert is_whole(job)

    SuccessRecords(job.context.workspace.successes).forget(job.context.step)
    assert built(job.succeed()) == ALL, "as rerun and forget ask for"


def test_tests_that_another_step_ran_in_the_same_tree_are_not_counted(job: Job) -> None:
    check = MavenOptions(goals=("validate",))
    build(job.context, check)
    report = job.source / "core/target/surefire-reports/TEST-t.CoreTest.xml"
    report.parent.mkdir(parents=True)
    report.write_text('<testsuite><testcase classname="t.CoreTest" name="a"/></testsuite>')
    before = time.time() - 60
    os.utime(report, (before, before))
    result = build(job.context, check)

    assert "tests" not in result.values
    assert len(built(result)) == len(ALL)


@pytest.mark.slow
def test_what_is_not_what_it_was_is_built_again(job: Job) -> None:
    """One job, several tries: a build with Maven costs seconds, so this is one test."""
    job.succeed()
    core = job.context.workspace.maven_repository / "org/example/tiny/core/1.0/core-1.0.jar"
    core.unlink()
    assert built(job.succeed()) == ["Tiny Parent"]
    assert core.is_file(), "Maven does not run without a module"

    java = job.source / "core/src/main/java/t/Core.java"
    java.touch()
    assert built(job.succeed()) == ["Tiny Parent"], "its content is the same"

    assert built(job.succeed(incremental="off")) == ALL


@pytest.mark.slow
def test_after_kill_9_in_the_middle_of_a_module(job: Job) -> None:
    def kill_in_app(progress: str) -> None:
        if "Tiny App" in progress:
            kill_mavens(job.source)

    killed = failure(replace(job.context, progress=kill_in_app), MavenOptions())
    assert killed.code is FailureCode.KILLED
    assert killed.message == "Maven was killed by SIGKILL (signal 9), in Tiny App"
    assert killed.details["modules_running"] == ["Tiny App"]

    tear(job)
    assert built(job.succeed()) == ["Tiny App"]
    assert is_whole(job)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"properties": {"a": "b"}}),
        ({"goals": "test"}, {"goals": "test"}),
        ({}, {"extra_args": ["-pl", ".", "-amd"]}),
    ],
)
def test_everything_is_built_when_leaving_out_would_not_be_sound(
    job: Job, first: dict[str, object], second: dict[str, object]
) -> None:
    job.fail(**first)
    assert built(job.succeed(**second)) == ALL


@pytest.mark.slow
def test_a_source_that_selects_modules_itself(job: Job) -> None:
    (job.source / ".mvn").mkdir()
    (job.source / ".mvn" / "maven.config").write_text("-pl\napp\n-am\n")
    job.fail()
    result = job.succeed()
    assert (built(result), result.values["selection"]) == (ALL, "maven.config has -pl")


def kill_mavens(source: Path) -> None:
    for process in psutil.process_iter(["cmdline"]):
        if f"-Dmaven.multiModuleProjectDirectory={source}" in (process.info["cmdline"] or []):
            process.kill()

"""`doit build` with the real Maven: what its failure and its rerun leave in the repository."""

from __future__ import annotations

import shutil

import pytest

from tests.conftest import Farm, await_that, git
from tests.support.pipelines.maven_builder import link_downloads
from tests.support.pipelines.maven_source import write_reactor

pytestmark = pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not installed")

NO_COMPILE = "package t;\npublic class Core {\n int x = y();\n}\n"
HANGS_ONCE = """package t;
import org.junit.Test;
public class AppTest {{
    @Test public void hangs_once() throws Exception {{
        if (new java.io.File("{began}").createNewFile()) Thread.sleep(600000);
    }}
}}
"""


def set_up(farm: Farm, **changed: str) -> None:
    write_reactor(farm.source, **changed)
    (farm.source / ".gitignore").write_text("target/\n")
    commit_and_push(farm)
    farm.pipeline("- {uses: maven, with: {goals: install}}\n")
    (farm.folder / "state" / "build1").mkdir(parents=True)
    link_downloads(farm.folder / "state" / "build1")


def commit_and_push(farm: Farm) -> None:
    farm.commit = farm.commit_source("reactor")
    git("-C", str(farm.source), "push", "--quiet", str(farm.folder / "source.git"), "main")


@pytest.mark.slow
def test_who_reads_the_repository_needs_no_log(farm: Farm) -> None:
    set_up(farm, core_java=NO_COMPILE)
    job = farm.enqueue()

    assert farm.doit("build").returncode == 1

    ended = [t for t in farm.transitions(job) if t["step"] == "maven"][-1]
    details = ended["details"]
    assert (ended["to"], details["code"], details["module"]) == ("failed", "MAVEN_COMPILE", "core")
    assert details["places"] == [
        {"file": "core/src/main/java/t/Core.java", "line": 3, "message": "cannot find symbol"}
    ]
    assert (details["retryable"], details["modules_failed"]) == (False, ["Tiny Core"])
    assert "symbol:   method y()" in details["excerpt"]


def test_after_kill_9_of_doit_the_modules_that_succeeded_are_left_out(farm: Farm) -> None:
    began = farm.folder / "began"
    test = farm.source / "app/src/test/java/t/AppTest.java"
    test.parent.mkdir(parents=True)
    test.write_text(HANGS_ONCE.format(began=began))
    set_up(farm)
    job = farm.enqueue()
    process = farm.start("build")
    await_that(began.exists, "the test of the last module runs")
    process.kill()
    process.wait()

    again = farm.doit("build")

    assert again.returncode == 0, again.stdout + again.stderr
    assert "skipped 2 already built (Tiny Parent, Tiny Core)" in again.stdout
    ended = [t for t in farm.transitions(job) if t["step"] == "maven"][-1]
    values = ended["details"]["values"]
    assert [module["name"] for module in values["modules"]] == ["Tiny App"]
    assert values["tests"]["run"] == 2


@pytest.mark.slow
def test_a_destination_may_take_only_what_was_built_from_scratch(farm: Farm) -> None:
    set_up(farm)
    builder = farm.folder / "builder.yaml"
    drop = "destinations:\n  drop: {folder: ./drop, from_scratch: true}\n"
    builder.write_text(builder.read_text() + drop)
    farm.pipeline(
        """
        - {name: jars, uses: maven, with: {goals: install, incremental: modules}}
        - {name: collect, run: cp app/target/app-*.jar app.jar}
        - {uses: artifact-manifest, with: {paths: [app.jar]}}
        - {uses: publish, with: {to: drop}}
        """
    )
    farm.enqueue()
    assert farm.doit("build").returncode == 0, "nothing was kept before"

    (farm.source / "app/README").write_text("changed\n")
    commit_and_push(farm)
    second = farm.enqueue()
    refused = farm.doit("build")
    assert refused.returncode == 1
    remedy = "`doit rerun JOB --from jars`, or set `incremental: off`."
    assert "'jars' took " in refused.stdout
    assert remedy in refused.stdout
    assert not list((farm.folder / "drop").glob(f"{second}-*"))

    done = farm.doit("rerun", second, "--from", "jars")
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((farm.folder / "drop").glob(f"{second}-*/app.jar"))

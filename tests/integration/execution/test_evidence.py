"""`requires_evidence`: green steps without evidence are a failed job, and nothing leaves it."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.conftest import Farm, git
from tests.support.pipelines.maven_builder import link_downloads
from tests.support.pipelines.maven_source import write_reactor

TEST = """package t;
import org.junit.Test;
public class AppTest {
    IGNORE @Test public void holds() {}
    @Test public void stays() {}
}
"""


def require(farm: Farm, what: str) -> None:
    path = farm.folder / "pipelines.yaml"
    text = path.read_text()
    at = text.index("    steps:\n")
    path.write_text(f"{text[:at]}    requires_evidence: {what}\n{text[at:]}")


def test_a_job_whose_tests_did_not_run_fails(farm: Farm) -> None:
    script = 'echo "tests=$(cat hello)" >> $STEP_OUTPUT'
    farm.pipeline(f"- {{name: check, run: '{script}', values: [tests]}}\n")
    require(farm, "{tests: 12}")
    assert farm.doit("validate").returncode == 0
    (farm.source / "hello").write_text("12")
    git("-C", str(farm.source), "remote", "add", "origin", str(farm.folder / "source.git"))
    ends = []
    for count in ("12", "11"):
        (farm.source / "hello").write_text(count)
        farm.commit_source(f"{count} tests")
        git("-C", str(farm.source), "push", "--quiet", "origin", "main")
        job = farm.enqueue()
        ends.append(farm.doit("build").returncode)
    assert ends == [0, 1]

    states = {t["step"]: t["to"] for t in farm.transitions(job)}
    assert (states["check"], states["evidence"], states[None]) == ("succeeded", "failed", "failed")
    told = json.loads(farm.doit("failure", job, "--json").stdout)
    assert (told["code"], told["step"], told["retry"]["can_help"]) == (
        "EVIDENCE_MISSING",
        "evidence",
        False,
    )
    assert "11 tests ran, and 12 are required" in told["data"]["message"]
    assert told["next"]["command"] == "doit enqueue --pipeline ledger --branch main"
    explained = farm.doit("explain", job).stdout
    assert "EVIDENCE_MISSING" in farm.doit("status", "--job", job).stdout
    assert "11 tests ran, and 12 are required" in explained


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not installed")
def test_a_test_that_ran_in_the_last_good_build_must_not_be_skipped(farm: Farm) -> None:
    test = farm.source / "app/src/test/java/t/AppTest.java"
    test.parent.mkdir(parents=True)
    write_reactor(farm.source)
    (farm.source / ".gitignore").write_text("target/\n")
    farm.pipeline("- {uses: maven, with: {goals: install}}\n")
    require(farm, "{no_newly_skipped: true, tests: 1}")
    for builder in ("build1", "build2"):
        (farm.folder / "state" / builder).mkdir(parents=True)
        link_downloads(farm.folder / "state" / builder)
    git("-C", str(farm.source), "remote", "add", "origin", str(farm.folder / "source.git"))
    ends = []
    for builder, ignore in (("build1", ""), ("build2", "@org.junit.Ignore")):
        test.write_text(TEST.replace("IGNORE", ignore))
        farm.commit_source(f"tests {ignore}")
        git("-C", str(farm.source), "push", "--quiet", "origin", "main")
        job = farm.enqueue()
        ends.append(farm.doit("build", builder=builder).returncode)
    assert ends == [0, 1]
    [end] = [t for t in farm.transitions(job) if t["step"] == "evidence" and t["to"] == "failed"]
    assert end["details"]["missing"] == [
        "1 test that ran in the last good build of the branch was skipped: t.AppTest.holds"
    ]
    assert "test_names" not in json.dumps(farm.transitions(job))

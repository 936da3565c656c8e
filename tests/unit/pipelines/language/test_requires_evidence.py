from __future__ import annotations

from pipelines.tasks.plan_document import read_plan, write_plan
from tests.support.pipelines.reading import HEAD, KINDS, findings, read

STEPS = """
steps:
  - uses: git-checkout
  - {name: compile, run: make}
  - {name: docs, run: make doc, needs: git-checkout}
  - {name: ship, uses: ssh, needs: compile, with: {host: web1, command: [deploy, "1"]}}
  - {name: announce, run: "true", needs: [ship, docs]}
  - {uses: publish-status, when: always}
"""
REQUIRED = f"{HEAD}requires_evidence: {{tests: 10, no_dummy: true}}\n"


def test_the_check_is_before_everything_that_acts_outside() -> None:
    pipeline = read(REQUIRED + STEPS)
    needs = {step.name: step.needs for step in pipeline.steps}
    assert needs == {
        "git-checkout": (),
        "compile": ("git-checkout",),
        "docs": ("git-checkout",),
        "evidence": ("compile", "docs"),
        "ship": ("evidence",),
        "announce": ("ship", "evidence"),
        "publish-status": ("announce", "evidence"),
    }
    assert pipeline.by_name["evidence"].options.model_dump(exclude_defaults=True) == {
        "tests": 10,
        "no_dummy": True,
    }


def test_a_plan_keeps_it() -> None:
    pipeline = read(REQUIRED + STEPS)
    again = read_plan(write_plan(pipeline), KINDS)
    assert [step.options for step in again.steps] == [step.options for step in pipeline.steps]
    assert write_plan(read(HEAD + STEPS)) != write_plan(pipeline)


def test_mistakes() -> None:
    assert findings(f"{HEAD}requires_evidence: {{}}\n{STEPS}")[0].endswith(
        "expected at least one requirement"
    )
    assert "tests" in findings(f"{HEAD}requires_evidence: {{tests: 0}}\n{STEPS}")[0]
    taken = STEPS.replace("name: docs", "name: evidence").replace("docs]", "evidence]")
    assert any("requires_evidence adds a step 'evidence'" in f for f in findings(REQUIRED + taken))

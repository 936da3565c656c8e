from __future__ import annotations

from dataclasses import dataclass

import pytest

from pipelines.domain.expressions import Reference, Scalar, Status, evaluate
from pipelines.language.expressions.parser import parse_when
from tests.support.pipelines.reading import HEAD, step_findings

PARAMS = "params: {deploy: {type: boolean, default: false}, mode: {choices: [fast, full]}}\n"


@dataclass(frozen=True)
class Facts:
    failed: bool = False

    def holds(self, status: Status) -> bool:
        return {
            Status.ALWAYS: True,
            Status.SUCCESS: not self.failed,
            Status.FAILURE: self.failed,
        }[status]

    def value(self, reference: Reference) -> Scalar:
        known: dict[str, Scalar] = {
            "params.deploy": True,
            "params.n": 5,
            "params.empty": "",
            "job.branch": "release/4.20",
        }
        return known[str(reference)]

    def changed(self, patterns: tuple[str, ...]) -> bool:
        return "server/**" in patterns


@pytest.mark.parametrize(
    ("text", "after_success", "after_failure"),
    [
        ("success", True, False),
        ("failure", False, True),
        ("always", True, True),
        ("params.deploy", True, False),
        ("always and params.deploy", True, True),
        ("params.deploy == true and job.branch != 'main'", True, False),
        ("matches(job.branch, 'main', 'release/*')", True, False),
        ("matches(job.branch, 'release')", False, False),
        ("changed('server/**', \"*.md\")", True, False),
        ("not changed('docs/**') and not params.empty", True, False),
        ("failure or changed('docs/**')", False, True),
        ("params.n == 5 and (params.empty or params.n == '5')", True, False),
        ("params.empty or params.empty and params.deploy", False, False),
        ("not not params.deploy", True, False),
    ],
)
def test_conditions(text: str, after_success: bool, after_failure: bool) -> None:
    expression = parse_when(text).expression
    assert evaluate(expression, Facts()) is after_success
    assert evaluate(expression, Facts(failed=True)) is after_failure


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected a name or a value at the end"),
        ("params.deploy and", "expected a name or a value at the end"),
        ("(params.deploy", "expected ')' at the end"),
        ("params.deploy params.deploy", "expected 'and' or 'or', found 'params.deploy'"),
        ("params.deploy = true", "unexpected '= true'; write '=='"),
        ("success && params.deploy", "unexpected '&& params.deploy'; write 'and'"),
        ("match(job.branch, 'x')", "unknown function 'match'; did you mean 'matches'?"),
        ("matches(job.branch)", "'matches' expects a value and then patterns"),
        ("changed(job.branch)", "'changed' expects patterns in quotes"),
        ("sucess", "unknown word 'sucess'; did you mean 'success'?"),
        ("params.deplo", "unknown name 'params.deplo'; did you mean 'deploy'?"),
        ("params.mode == 'ful'", "params.mode: unknown value 'ful'; did you mean 'full'?"),
        ("params.deploy == 'yes'", "params.deploy: expected true or false, found 'yes'"),
        ("${{ params.deploy }}", "write names in a condition without ${{ }}"),
        ("__import__('os').system('x')", "unexpected '.system('x')'"),
        ("job.__class__", "unknown name 'job.__class__'"),
        ("(" * 30 + "always" + ")" * 30, "nested deeper than 20 levels"),
        ("not " * 500 + "x", "longer than 1000 characters"),
    ],
)
def test_what_is_wrong_with_a_condition(text: str, expected: str) -> None:
    quoted = text.replace("'", "''")
    found = step_findings(f"- {{run: x, when: '{quoted}'}}", HEAD + PARAMS)
    assert len(found) == 1, found
    assert f"when: {expected}" in found[0]

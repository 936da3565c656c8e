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
        ("", "a name or a value is missing at its end"),
        ("params.deploy and", "a name or a value is missing at its end"),
        ("(params.deploy", "')' is missing at its end"),
        ("params.deploy params.deploy", "'params.deploy' stands where 'and' or 'or' is wanted"),
        ("params.deploy = true", "can't be read from '= true' on; write '=='"),
        ("success && params.deploy", "can't be read from '&& params.deploy' on; write 'and'"),
        ("match(job.branch, 'x')", "there is no test 'match'; did you mean 'matches'?"),
        ("matches(job.branch)", "'matches' wants a value and then patterns"),
        ("changed(job.branch)", "the patterns of 'changed' are texts in quotes"),
        ("sucess", "there is no word 'sucess'; did you mean 'success'?"),
        ("params.deplo", "there is no 'params.deplo'; did you mean 'deploy'?"),
        ("params.mode == 'ful'", "params.mode can't be 'ful'; did you mean 'full'?"),
        ("params.deploy == 'yes'", "params.deploy has to be true or false, not 'yes'"),
        ("${{ params.deploy }}", "names stand in a condition as they are, without ${{ }}"),
        ("__import__('os').system('x')", "can't be read from '.system('x')' on"),
        ("job.__class__", "there is no 'job.__class__'"),
        ("(" * 30 + "always" + ")" * 30, "is nested deeper than 20 levels"),
        ("not " * 500 + "x", "a condition has at most 1000 characters"),
    ],
)
def test_what_is_wrong_with_a_condition(text: str, expected: str) -> None:
    quoted = text.replace("'", "''")
    found = step_findings(f"- {{run: x, when: '{quoted}'}}", HEAD + PARAMS)
    assert len(found) == 1, found
    assert f"when: {expected}" in found[0]

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import StepContext
from pipelines.steps.run import RUN, RunOptions
from tests.support.pipelines.step_context import Request, Steps


@pytest.fixture
def context(tmp_path: Path) -> StepContext:
    request = Request(
        job_id="job; touch hacked",
        branch="$(touch hacked)",
        commit="a" * 40,
        params={"two-words": "`touch hacked`"},
    )
    context = Steps(tmp_path).context(request=request)
    context.workspace.source.mkdir(parents=True)
    return context


def output(context: StepContext) -> list[str]:
    lines = context.commands.log.read_text().splitlines()
    return [line for line in lines if not line.startswith(("$ ", "# "))]


def test_runs_in_the_source_tree_with_the_jobs_values(context: StepContext) -> None:
    script = 'pwd; echo "$BUILD_JOB|$BUILD_BRANCH|$BUILD_COMMIT|$BUILD_ATTEMPT|$PARAM_TWO_WORDS"'

    RUN.run(RunOptions(script=script), context)

    assert output(context) == [
        str(context.workspace.source),
        f"job; touch hacked|$(touch hacked)|{'a' * 40}|1|`touch hacked`",
    ]
    assert list(context.workspace.source.iterdir()) == []


@pytest.mark.parametrize("script", ["false; true", "false | true", 'echo "$NOT_SET"'])
def test_bash_stops_at_the_first_failure(context: StepContext, script: str) -> None:
    with pytest.raises(StepFailed, match="the script failed with exit code 1"):
        RUN.run(RunOptions(script=script), context)


def test_the_failure_has_the_last_lines(context: StepContext) -> None:
    script = "seq 1 100; echo 'no such thing: https://me:secret@host/' >&2; exit 7"
    with pytest.raises(StepFailed, match="exit code 7") as caught:
        RUN.run(RunOptions(script=script), context)
    assert caught.value.code is FailureCode.COMMAND_FAILED
    lines = caught.value.excerpt.splitlines()
    assert lines[-2:] == ["100", "no such thing: https://***@host/"]
    assert len(lines) == 20


def test_other_shells(context: StepContext) -> None:
    RUN.run(RunOptions(script="echo $0 | grep -q script && echo sh", shell="sh"), context)
    RUN.run(RunOptions(script="print(6 * 7)", shell="python"), context)
    assert output(context) == ["sh", "42"]
    with pytest.raises(ValidationError):
        RunOptions.model_validate({"script": "x", "shell": "rm"})


def test_without_a_source_tree(context: StepContext) -> None:
    shutil.rmtree(context.workspace.source)
    with pytest.raises(StepFailed, match="does not exist"):
        RUN.run(RunOptions(script="true"), context)


def test_identity_is_the_parameters(context: StepContext) -> None:
    identity = RUN.identity(RunOptions(script="true; echo $MY_BUILD_JOB $BUILD_ATTEMPT"), context)
    assert identity == {"two-words": "`touch hacked`"}


def test_values_of_the_job_that_are_named_count(context: StepContext) -> None:
    given = replace(context, env={**context.env, "WHAT": "git show $BUILD_COMMIT"})
    identity = RUN.identity(RunOptions(script="echo ${BUILD_BRANCH:-none}"), given)
    assert identity == {
        "two-words": "`touch hacked`",
        "$BUILD_BRANCH": "$(touch hacked)",
        "$BUILD_COMMIT": "a" * 40,
    }

from __future__ import annotations

from typing import Any

import pytest

from pipelines.domain.errors import BadValue
from pipelines.domain.pipeline import Pipeline, Step
from pipelines.language.expressions.substitution import Values, substitute
from pipelines.language.params import resolve_params
from pipelines.steps.artifact_manifest import ArtifactManifestOptions
from pipelines.steps.maven.options import MavenOptions
from tests.support.pipelines.reading import HEAD, read, step_findings
from tests.support.pipelines.step_context import Request

PARAMS = """\
params:
  skip: {type: boolean, default: false}
  threads: {type: integer, default: 2}
  goal: {default: install}
  where: {default: sub}
secrets: [TOKEN]
"""
PIPELINE = f"""\
{HEAD}{PARAMS}
env: {{BRANCH: "${{{{ job.branch }}}}"}}
steps:
  - uses: git-checkout
  - uses: maven
    with: {{goals: ["${{{{ params.goal }}}}", x], skip_tests: "${{{{params.skip}}}}",
      threads: "${{{{ params.threads }}}}", properties: {{v: "a-${{{{ job.commit }}}}-b"}}}}
  - name: sum
    run: echo ${{{{ params.goal }}}} "${{{{ secrets.TOKEN }}}}"
    dir: ${{{{ params.where }}}}
    values: [total]
    outputs: ["out-${{{{ job.attempt }}}}/*"]
  - {{uses: artifact-manifest, with: {{paths: "out-${{{{ steps.sum.outputs.total }}}}"}}}}
"""


def values(pipeline: Pipeline, **given: str) -> Values:
    return Values(
        pipeline=pipeline,
        request=Request(commit="c" * 40, branch="main", attempt=3),
        params=resolve_params(pipeline, given),
        outputs={"sum": {"total": 7}},
        secrets={"TOKEN": "s3cret"},
    )


def resolved(**given: str) -> dict[str, Step]:
    pipeline = read(PIPELINE)
    lookup = values(pipeline, **given).lookup
    return {step.name: substitute(step, lookup) for step in pipeline.steps}


def test_values_take_their_places_with_their_types() -> None:
    steps = resolved(skip="true", threads="4")
    assert steps["maven"].options == MavenOptions(
        goals=("install", "x"),
        skip_tests=True,
        threads="4",
        properties={"v": f"a-{'c' * 40}-b"},
    )
    assert steps["sum"].dir == "sub"
    assert steps["maven"].env == {"BRANCH": "main"}
    assert steps["sum"].outputs == ("out-3/*",)
    assert steps["sum"].env == {
        "BRANCH": "main", "PARAM_GOAL": "install", "SECRET_TOKEN": "s3cret",
    }  # fmt: skip
    assert steps["artifact-manifest"].options == ArtifactManifestOptions(paths=("out-7",))


def test_a_value_is_data_also_when_it_looks_like_a_reference() -> None:
    steps = resolved(where="${{ secrets.TOKEN }}")
    assert steps["sum"].dir == "${{ secrets.TOKEN }}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"where": "../x"}, "step sum: expected a path inside the source tree, found '../x'"),
        ({"goal": "-Dx=y"}, "step maven: goals: invalid name '-Dx=y'"),
    ],
)
def test_a_value_that_is_no_good_there_is_refused_with_the_steps_place(
    given: dict[str, str], expected: str
) -> None:
    with pytest.raises(BadValue) as caught:
        resolved(**given)
    assert str(caught.value).startswith("/farm/p.yaml:1")
    assert expected in str(caught.value)


def test_a_value_that_nobody_gave() -> None:
    pipeline = read(PIPELINE)
    given = values(pipeline)
    without: Any = Values(
        pipeline=pipeline, request=given.request, params=given.params, outputs={}, secrets={}
    )
    with pytest.raises(
        BadValue, match=r"'secrets\.TOKEN' has no value: this builder does not have"
    ):
        substitute(pipeline.steps[2], without.lookup)
    with pytest.raises(BadValue, match=r"'steps.sum.outputs.total' has no value: the step did not"):
        substitute(pipeline.steps[3], without.lookup)


def test_params_of_a_job() -> None:
    pipeline = read(
        f"{HEAD}params: {{n: {{type: integer}}, b: {{type: boolean, default: true}},"
        " c: {choices: [red, green], default: red}}\nsteps: [{run: x}]\n"
    )
    assert resolve_params(pipeline, {"n": "-5"}) == {"n": "-5", "b": "true", "c": "red"}
    with pytest.raises(BadValue) as caught:
        resolve_params(pipeline, {"b": "yes", "c": "gren", "d": "x"})
    assert str(caught.value) == (
        "unknown parameter 'd' of pipeline p (known: b, c, n); "
        "missing parameter 'n': expected an integer; "
        "parameter 'b': expected true or false, found 'yes'; "
        "parameter 'c': unknown value 'gren'; did you mean 'green'?"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- {run: 'echo ${{ params.gaol }}'}", "run: unknown name 'params.gaol'; did you"),
        ("- {run: 'echo ${{ job.comit }}'}", "unknown name 'job.comit'; did you mean 'commit'?"),
        ("- {run: 'echo ${{ parms.x }}'}", "unknown name 'parms.x'; did you mean 'params'?"),
        ("- {run: 'echo ${{ steps.x.outputs.y }}'}", "this step does not need a step 'x'"),
        ("- {run: 'echo ${{ params }}'}", "expected params.NAME, found 'params'"),
        ("- {run: 'echo ${{ a b }}'}", "expected a name such as params.version, found"),
        ("- {run: 'echo ${{ params.goal'}", "unclosed '${{'"),
        ("- {run: x, dir: 'a${{ params.x }}'}", "dir: unknown name 'params.x'"),
        ("- {run: x, env: {T: '${{ secrets.X }}'}}", "unknown name 'secrets.X' (known: TOKEN)"),
        (
            "- {uses: artifact-manifest, with: {paths: '${{ secrets.TOKEN }}'}}",
            "unknown name 'secrets.TOKEN': only env and run may refer to secrets",
        ),
        (
            "- uses: git-checkout\n- {run: 'echo ${{ steps.git-checkout.outputs.comit }}'}",
            "unknown value 'comit' of step 'git-checkout'; did you mean 'commit'?",
        ),
        (
            "- {name: a, run: x, values: [v]}\n"
            "- {name: b, needs: [], run: 'echo ${{ steps.a.outputs.v }}'}",
            "this step does not need a step 'a' (it needs none)",
        ),
    ],
)  # fmt: skip
def test_an_unknown_name_is_an_error_when_the_file_is_read(text: str, expected: str) -> None:
    found = step_findings(text, HEAD + PARAMS)
    assert len(found) == 1, found
    assert expected in found[0]

"""Pipelines that nobody thought of, whole and broken ones. A failure prints how to replay it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from common.yaml.document import parse_document
from common.yaml.findings import InvalidFile
from pipelines.domain.pipeline import Pipeline
from pipelines.language.load import parse_pipelines
from pipelines.language.params import resolve_params
from pipelines.language.views.drawing import as_dot, as_mermaid, as_text
from pipelines.language.views.layers import in_order
from pipelines.language.views.preview import preview
from pipelines.language.views.svg import as_svg
from pipelines.tasks.doit_tasks import pipeline_tasks
from tests.support.pipelines.reading import KINDS

FEW = settings(max_examples=60, deadline=None)

WORDS = st.sampled_from(
    [
        *(
            "uses",
            "run",
            "with",
            "needs",
            "matrix",
            "when",
            "env",
            "name",
            "steps",
            "params",
            "for",
        ),
        *("extends", "retries", "timeout", "include", "exclude", "a", "b", "maven", "git-checkout"),
        *(
            "${{ params.p }}",
            "${{ params.a }}",
            "${{ matrix.a }}",
            "${{",
            "${{ steps.a.outputs.b }}",
            "always",
            "",
        ),
        *("params.a == 'x'", "not", "1h", "-1", "../x", "\x00", "\ud800", "echo '", "<<EOF", "a=b"),
    ]
)
SCALARS = st.one_of(WORDS, st.text(max_size=8), st.integers(), st.booleans(), st.none())
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=25,
)
KEYS = ["uses", "run", "name", "needs", "with", "env", "dir", "inputs", "when", "timeout",
        "retries", "matrix", "values", "resources", "shell", "allow_failure"]  # fmt: skip
ODD_STEPS = st.lists(st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=5), max_size=5)


@st.composite
def whole_pipelines(draw: st.DrawFn) -> dict[str, Any]:
    """A valid pipeline: steps that need some of those before them, or have a matrix."""
    count = draw(st.integers(1, 8))
    steps: list[dict[str, Any]] = []
    for index in range(count):
        step: dict[str, Any] = {"name": f"s{index}"}
        if draw(st.booleans()):
            step["run"] = draw(st.sampled_from(["make", "echo ${{ params.p }}", "x ${{job.id}}"]))
        else:
            step |= {"uses": "maven", "with": {"skip_tests": draw(st.booleans())}}
        if index and draw(st.booleans()):
            names = [f"s{other}" for other in range(index)]
            step["needs"] = draw(st.lists(st.sampled_from(names), unique=True, max_size=3))
        if draw(st.integers(0, 3)) == 0:
            step["matrix"] = {
                "m": draw(st.lists(st.integers(0, 9), unique=True, min_size=1, max_size=3))
            }
        if draw(st.booleans()):
            step["when"] = draw(st.sampled_from(["always", "failure", "params.p == 'x'"]))
        steps.append(step)
    order = draw(st.permutations(steps)) if all("needs" in step for step in steps) else steps
    return {
        "description": draw(st.text(alphabet="abc <&\"'é", min_size=1, max_size=9)),
        "source": {"repository": "r"},
        "params": {"p": {"default": "x"}},
        "steps": order,
    }  # fmt: skip


def parsed(data: Any) -> Pipeline:
    return parse_pipelines(parse_document(json.dumps(data).encode(), "p.yaml"), KINDS)["p"]


@FEW
@given(whole_pipelines())
def test_a_whole_pipeline_is_read_and_its_order_respects_needs(entry: dict[str, Any]) -> None:
    pipeline = parsed({"pipelines": {"p": entry}})
    seen: set[str] = set()
    for step in in_order(pipeline.steps):
        assert seen.issuperset(step.needs)
        seen.add(step.name)
    assert len(seen) == len(pipeline.steps)
    tasks = {task["name"]: task for task in pipeline_tasks({"p": pipeline}, None, "first")}  # type: ignore[arg-type]
    for step in pipeline.steps:
        wanted = [f"p:{need}" for need in step.needs] or ["first"]
        assert tasks[step.name]["task_dep"] == wanted
    json.dumps(preview(pipeline, resolve_params(pipeline, {})))
    for draw in (as_text, as_mermaid, as_dot, as_svg):
        drawn = draw(pipeline)
        assert all(step.name in drawn for step in pipeline.steps)


@FEW
@given(whole_pipelines(), st.data())
def test_an_unknown_key_is_never_taken(entry: dict[str, Any], data: st.DataObject) -> None:
    places = [entry, entry["source"], entry["params"]["p"], *entry["steps"]]
    places += [step["with"] for step in entry["steps"] if "with" in step]
    place = data.draw(st.sampled_from(places))
    place["no_such_key"] = data.draw(SCALARS)
    try:
        parsed({"pipelines": {"p": entry}})
    except InvalidFile as error:
        refusals = ("unknown key 'no_such_key'", "not valid YAML", "a NUL character can't stand")
        assert any(refusal in str(error) for refusal in refusals)
    else:
        raise AssertionError("an unknown key was taken")


@FEW
@given(st.one_of(ODD_STEPS, ANYTHING), st.dictionaries(WORDS, ANYTHING, max_size=3))
def test_a_broken_pipeline_is_refused_with_places_or_is_whole(steps: Any, more: Any) -> None:
    entry = {"description": "d", "source": {"repository": "r"}, **more, "steps": steps}
    try:
        pipeline = parsed({"pipelines": {"p": entry}})
    except InvalidFile as error:
        assert error.findings
        assert all(finding.line >= 1 and finding.message for finding in error.findings)
    else:
        assert in_order(pipeline.steps)


@FEW
@given(ANYTHING)
def test_any_data_is_refused_or_has_pipelines(data: Any) -> None:
    try:
        parse_pipelines(parse_document(json.dumps(data).encode(), "p.yaml"), KINDS)
    except InvalidFile as error:
        assert error.findings

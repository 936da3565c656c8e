"""The graph of a pipeline for a terminal, for programs, for mermaid and Graphviz. Pure."""

from __future__ import annotations

from typing import Any

from pipelines.domain.expressions import SUCCESS
from pipelines.domain.pipeline import Pipeline, Step
from pipelines.language.views.layers import depths, in_order


def as_text(pipeline: Pipeline) -> str:
    """A tree: below each step the steps after it, one after the other or in branches.

    A step that needs several others is below the deepest one and names the rest.
    """
    depth = depths(pipeline.steps)
    below: dict[str, list[Step]] = {}
    for step in in_order(pipeline.steps):
        parent = max(step.needs, key=lambda need: depth[need]) if step.needs else ""
        below.setdefault(parent, []).append(step)
    lines = [f"{pipeline.name}: {pipeline.description}"]
    # the steps still to draw, next one last, each with the prefixes of its line and its chain
    waiting = _members(below.get("", []), "")
    while waiting:
        step, first, rest = waiting.pop()
        after = below.get(step.name, [])
        others = [need for need in step.needs if step not in below.get(need, [])]
        lines.append(f"{first}● {label(step)}{_beside(others)}")
        waiting += _members(after, rest)
    return "\n".join(lines)


def _members(steps: list[Step], before: str) -> list[tuple[Step, str, str]]:
    if len(steps) == 1:
        return [(steps[0], before, before)]
    members = [(step, f"{before}├─", f"{before}│ ") for step in steps[:-1]]
    members += [(step, f"{before}└─", f"{before}  ") for step in steps[-1:]]
    return members[::-1]


def _beside(needs: list[str]) -> str:
    return f"  (also after {', '.join(needs)})" if needs else ""


def label(step: Step) -> str:
    """Name of a step, its kind if that differs, and its condition."""
    kind = "" if step.kind.name in (step.name, "run") else f" [{step.kind.name}]"
    when = "" if step.when == SUCCESS else f" (when {step.when.text})"
    return f"{step.name}{kind}{when}"


def as_data(pipeline: Pipeline) -> dict[str, Any]:
    """The graph for programs, with the steps in execution order."""
    return {
        "pipeline": pipeline.name,
        "description": pipeline.description,
        "steps": [
            {
                "name": step.name,
                "kind": step.kind.name,
                "when": step.when.text,
                "needs": list(step.needs),
            }
            for step in in_order(pipeline.steps)
        ],
    }


def as_mermaid(pipeline: Pipeline) -> str:
    """A flowchart for mermaid."""
    ids = _ids(pipeline)
    lines = ["flowchart TD"]
    for step in pipeline.steps:
        text = label(step).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
        lines.append(f'    {ids[step.name]}["{text}"]')
    lines += [f"    {ids[need]} --> {ids[name]}" for need, name in _edges(pipeline)]
    return "\n".join(lines)


def as_dot(pipeline: Pipeline) -> str:
    """A digraph for Graphviz."""
    ids = _ids(pipeline)
    lines = [f"digraph {_quoted(pipeline.name)} {{", "    node [shape=box, style=rounded];"]
    lines += [f"    {ids[s.name]} [label={_quoted(label(s))}];" for s in pipeline.steps]
    lines += [f"    {ids[need]} -> {ids[name]};" for need, name in _edges(pipeline)]
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _ids(pipeline: Pipeline) -> dict[str, str]:
    return {step.name: f"s{index}" for index, step in enumerate(pipeline.steps)}


def _edges(pipeline: Pipeline) -> list[tuple[str, str]]:
    return [(need, step.name) for step in pipeline.steps for need in step.needs]

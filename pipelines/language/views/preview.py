"""The steps of a pipeline with given parameters, as plain data in the language's terms. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.domain.expressions import (
    And,
    Changed,
    Equal,
    Expression,
    Literal,
    Matches,
    Not,
    Or,
    Reference,
    Status,
    evaluate,
)
from pipelines.domain.pipeline import Pipeline, Retries, Step, Unresolved
from pipelines.language.expressions.references import replace_references
from pipelines.language.params import typed_value
from pipelines.language.views.layers import in_order

_LISTS = ("needs", "inputs", "outputs", "artifacts", "values", "resources")
_OTHERS = ("dir", "timeout", "silent_timeout")


def preview(pipeline: Pipeline, params: Mapping[str, str]) -> dict[str, Any]:
    """The pipeline with the values of its parameters, its steps in execution order.

    A value that only a job, a secret or a step provides stays a `${{ }}`. `why` of each step says
    when it would run; `runs` is false when its condition cannot become true with these parameters.
    """

    def lookup(reference: Reference) -> Any:
        if reference.parts[0] != "params":
            return reference
        name = reference.parts[1]
        return typed_value(pipeline.params[name], params[name])

    return {
        "pipeline": pipeline.name,
        "description": pipeline.description,
        "source": pipeline.source.model_dump(exclude_defaults=True),
        "params": dict(params),
        "steps": [_step(step, params, lookup) for step in in_order(pipeline.steps)],
    }


def _step(step: Step, params: Mapping[str, str], lookup: Any) -> dict[str, Any]:
    verdict = _verdict(step.when.expression, params)
    data: dict[str, Any] = {
        "name": step.name,
        "runs": verdict is not False,
        "why": _why(step, verdict),
        **_work(step),
    }
    data |= {key: list(getattr(step, key)) for key in _LISTS if getattr(step, key)}
    data |= {key: getattr(step, key) for key in _OTHERS if getattr(step, key) is not None}
    if step.env:
        data["env"] = dict(step.env)
    if step.allow_failure:
        data["allow_failure"] = True
    if step.retries != Retries():
        data["retries"] = {"count": step.retries.count, "backoff": step.retries.backoff}
    return {
        key: value if key in ("run", "why") else replace_references(value, lookup)
        for key, value in data.items()
    }


def _work(step: Step) -> dict[str, Any]:
    if isinstance(step.options, Unresolved):
        return {"uses": step.kind.name, "with": dict(step.options.values)}
    options = step.options.model_dump(mode="json", exclude_unset=True)
    if step.kind.name == "run":
        shell = step.options.model_dump()["shell"]
        return {"run": options["script"], "shell": shell}
    return {"uses": step.kind.name} | ({"with": options} if options else {})


def _why(step: Step, verdict: bool | None) -> str:
    if verdict is False:
        return f"never with these parameters: {step.when.text}"
    words: dict[str, str] = {
        Status.SUCCESS: _after("when {} succeeded", "at once", step.needs),
        Status.FAILURE: "when an earlier step failed",
        Status.ALWAYS: _after("when {} ended, successfully or not", "at once", step.needs),
    }
    return words.get(step.when.text, f"when {step.when.text}")


def _after(text: str, alone: str, needs: Sequence[str]) -> str:
    return text.format(" and ".join(needs)) if needs else alone


class _Open:
    """Facts that know parameters only; anything else raises."""

    def __init__(self, params: Mapping[str, str]) -> None:
        self._params = params

    def holds(self, status: Status) -> bool:
        raise NotImplementedError(status)

    def value(self, reference: Reference) -> str:
        return self._params[reference.parts[1]]

    def changed(self, patterns: tuple[str, ...]) -> bool:
        raise NotImplementedError(patterns)


def _verdict(expression: Expression, params: Mapping[str, str]) -> bool | None:
    """The condition's result if parameters alone decide it; None if it depends on more."""
    match expression:
        case Not(inner):
            verdict = _verdict(inner, params)
            return None if verdict is None else not verdict
        case And(parts):
            return _all([_verdict(part, params) for part in parts])
        case Or(parts):
            opposite = _all([_opposite(_verdict(part, params)) for part in parts])
            return _opposite(opposite)
        case Status() | Changed():
            return None
    return evaluate(expression, _Open(params)) if _known(expression) else None


def _opposite(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict


def _all(verdicts: list[bool | None]) -> bool | None:
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _known(expression: Expression) -> bool:
    match expression:
        case Equal(left, right):
            return _known(left) and _known(right)
        case Matches(value, _):
            return _known(value)
        case Reference(parts):
            return parts[0] == "params"
        case Literal():
            return True
    return False

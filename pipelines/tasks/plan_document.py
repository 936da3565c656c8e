"""A pipeline as a JSON document, and back: the plan that a job is built with, even weeks later.

It contains nothing of the job (its parameters, its commit), so equal pipelines are equal plans. It
contains no places in the file either, so an added comment changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from common.job_pattern import JobPattern
from common.yaml.findings import did_you_mean
from pipelines.domain.errors import FailureCode, UnusablePlan
from pipelines.domain.expressions import When
from pipelines.domain.network import Network
from pipelines.domain.params import Param, ParamType
from pipelines.domain.pipeline import (
    Options,
    Pipeline,
    Retries,
    Source,
    Step,
    StepKind,
    Unresolved,
)
from pipelines.language.expressions.check import with_matrix
from pipelines.language.expressions.parser import parse_when

FORMAT = 1


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Retries(_Document):
    count: int = 0
    backoff: float = 10.0
    on: tuple[FailureCode, ...] = ()


class _Step(_Document):
    name: str
    uses: str
    options: dict[str, Any]
    resolved: bool = True
    """Whether the options contain no reference."""
    needs: tuple[str, ...] = ()
    env: dict[str, str] = {}
    dir: str | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    when: str = "success"
    timeout: float | None = None
    silent_timeout: float | None = None
    retries: _Retries = _Retries()
    allow_failure: bool = False
    matrix: dict[str, str] = {}
    resources: tuple[str, ...] = ()
    network: Network = Network.HOST
    ssh_agent: bool = False
    memory: int | None = None
    cpus: float | None = None


class _Param(_Document):
    type: ParamType = ParamType.STRING
    default: str | None = None
    choices: tuple[str, ...] = ()
    description: str = ""


class _Takes(_Document):
    types: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()


class _Pipeline(_Document):
    format: int
    name: str
    description: str
    source: Source
    steps: tuple[_Step, ...]
    env: dict[str, str] = {}
    takes: _Takes | None = None
    trusted: tuple[str, ...] | None = None
    labels: tuple[str, ...] = ()
    params: dict[str, _Param] = {}
    secrets: tuple[str, ...] = ()
    timeout: float | None = None
    max_attempts: int | None = None


def write_plan(pipeline: Pipeline) -> bytes:
    """The pipeline as JSON; equal pipelines yield equal bytes."""
    document = _Pipeline(
        format=FORMAT,
        steps=tuple(_step(step) for step in pipeline.steps),
        params={name: _param(param) for name, param in pipeline.params.items()},
        takes=_Takes.model_validate(_fields(pipeline.takes)) if pipeline.takes else None,
        **{name: getattr(pipeline, name) for name in _PLAIN_OF_PIPELINE},
    )
    # defaults are left out, so that a new key changes no plan that does not use it
    data = document.model_dump(mode="json", exclude_defaults=True)
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return (text + "\n").encode()


def read_plan(data: bytes, kinds: Mapping[str, StepKind[Any]]) -> Pipeline:
    """The pipeline that `write_plan` wrote. Raises UnusablePlan if it cannot be built here."""
    try:
        document = _Pipeline.model_validate_json(data)
    except ValidationError as error:
        raise UnusablePlan(f"cannot read its plan: {_first(error)}") from error
    if document.format != FORMAT:
        raise UnusablePlan(f"unknown format {document.format} of its plan (known: {FORMAT})")
    return Pipeline(
        steps=tuple(_read_step(step, kinds) for step in document.steps),
        params={
            name: Param(name=name, **_fields(param)) for name, param in document.params.items()
        },
        takes=JobPattern(**_fields(document.takes)) if document.takes else None,
        place="the job's plan",
        **{name: getattr(document, name) for name in _PLAIN_OF_PIPELINE},
    )


_PLAIN_OF_PIPELINE = (
    "name",
    "description",
    "source",
    "env",
    "trusted",
    "labels",
    "secrets",
    "timeout",
    "max_attempts",
)
_PLAIN_OF_STEP = (
    "name",
    "needs",
    "env",
    "dir",
    "inputs",
    "outputs",
    "artifacts",
    "values",
    "timeout",
    "silent_timeout",
    "allow_failure",
    "matrix",
    "resources",
    "network",
    "ssh_agent",
    "memory",
    "cpus",
)


def _step(step: Step) -> _Step:
    resolved = not isinstance(step.options, Unresolved)
    options = step.options.model_dump(mode="json", by_alias=True)
    return _Step(
        uses=step.kind.name,
        options=options if resolved else options["values"],
        resolved=resolved,
        when=step.when.text,
        retries=_Retries.model_validate(_fields(step.retries)),
        **{name: getattr(step, name) for name in _PLAIN_OF_STEP},
    )


def _read_step(step: _Step, kinds: Mapping[str, StepKind[Any]]) -> Step:
    kind = kinds.get(step.uses)
    if kind is None:
        raise UnusablePlan(
            f"unknown step kind '{step.uses}' of step {step.name} of its plan"
            f"{did_you_mean(step.uses, kinds)}"
        )
    return Step(
        kind=kind,
        options=_options(step, kind),
        when=_when(step),
        retries=Retries(**_fields(step.retries)),
        place="the job's plan",
        **{name: getattr(step, name) for name in _PLAIN_OF_STEP},
    )


def _when(step: _Step) -> When:
    when = parse_when(step.when)
    return replace(when, expression=with_matrix(when.expression, step.matrix))


def _options(step: _Step, kind: StepKind[Any]) -> Options:
    if not step.resolved:
        return Unresolved(values=step.options)
    try:
        options: Options = kind.options.model_validate_json(json.dumps(step.options))
    except ValidationError as error:
        raise UnusablePlan(
            f"invalid options for {kind.name} in step {step.name} of its plan: {_first(error)}"
        ) from error
    return options


def _param(param: Param) -> _Param:
    names = ("type", "default", "choices", "description")
    return _Param(**{name: getattr(param, name) for name in names})


def _fields(value: Any) -> dict[str, Any]:
    names = type(value).model_fields if isinstance(value, BaseModel) else value.__dataclass_fields__
    return {name: getattr(value, name) for name in names}


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg'].lower()}"

"""Parameters of a pipeline: their definitions in the file, and the values of a job. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from common.yaml.document import plain_value
from common.yaml.findings import did_you_mean
from pipelines.domain.errors import BadValue
from pipelines.domain.params import Param, ParamType
from pipelines.domain.pipeline import Pipeline
from pipelines.domain.validation import shown
from pipelines.language.entries import ParamEntry

MAX_VALUE = 10_000

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_TYPE_WORDS = {
    ParamType.STRING: "text",
    ParamType.INTEGER: "an integer",
    ParamType.BOOLEAN: "true or false",
}


def read_param(name: str, entry: ParamEntry) -> tuple[Param, str]:
    """The parameter that an entry defines, and its error, "" if there is none."""
    param = Param(
        name=name,
        type=entry.type or ParamType.STRING,
        default=entry.default,
        choices=entry.choices,
        description=entry.description,
    )
    values = (*entry.choices, *(() if entry.default is None else (entry.default,)))
    return param, next(filter(None, (value_problem(param, value) for value in values)), "")


def resolve_params(pipeline: Pipeline, given: Mapping[str, str]) -> dict[str, str]:
    """The value of every parameter: the job's or the default. Raises BadValue with all errors."""
    problems = []
    values = {}
    for name in given:
        if name not in pipeline.params:
            hint = did_you_mean(name, pipeline.params) or " (it has none)"
            problems.append(f"unknown parameter '{shown(name)}' of pipeline {pipeline.name}{hint}")
    for name, param in pipeline.params.items():
        value = given.get(name, param.default)
        if value is None:
            problems.append(f"missing parameter '{name}': expected {_expected(param)}")
        elif problem := value_problem(param, value):
            problems.append(f"parameter '{name}': {problem}")
        else:
            values[name] = value
    if problems:
        raise BadValue("; ".join(problems))
    return values


def typed_value(param: Param, text: str) -> bool | int | float | str:
    """A checked text as the parameter's type."""
    if param.type is ParamType.INTEGER:
        return plain_value(text)
    return text == "true" if param.type is ParamType.BOOLEAN else text


def value_problem(param: Param, value: str) -> str:
    """Why the parameter cannot have this value; empty when it can."""
    if len(value) > MAX_VALUE or "\0" in value:
        return f"expected at most {MAX_VALUE} characters and no null character"
    if param.type is ParamType.INTEGER and not _INTEGER.fullmatch(value):
        return f"expected an integer, found '{shown(value)}'"
    if param.type is ParamType.BOOLEAN and value not in ("true", "false"):
        return f"expected true or false, found '{shown(value)}'"
    if param.choices and value not in param.choices:
        return f"unknown value '{shown(value)}'{did_you_mean(value, param.choices)}"
    return ""


def _expected(param: Param) -> str:
    return " or ".join(param.choices) or _TYPE_WORDS[param.type]

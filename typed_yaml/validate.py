"""Plain data of a document to a pydantic model; each mistake becomes a finding with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic_core import ErrorDetails

from typed_yaml.document import Document, Location, WrittenFloat, WrittenInt
from typed_yaml.findings import Finding, InvalidFile, did_you_mean

M = TypeVar("M", bound=BaseModel)


def _as_written(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return value.text if isinstance(value, WrittenInt | WrittenFloat) else value


Text = Annotated[str, BeforeValidator(_as_written)]
"""A string field: a number or boolean without quotes counts as the text that was written."""


def _as_tuple(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, str | int | float) else value


_T = TypeVar("_T")
Several = Annotated[tuple[_T, ...], BeforeValidator(_as_tuple)]
"""A list field; a single value stands for a list of one."""


def validate(model: type[M], document: Document, path: Location = ()) -> M:
    """The part of `document` at `path` as `model`. Raises InvalidFile with every finding."""
    try:
        return model.model_validate(_part(document.data, path))
    except ValidationError as error:
        raise InvalidFile(
            [_finding(model, document, path, details) for details in error.errors()]
        ) from error


def _part(data: Any, path: Location) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else data[key]
    return {} if data is None else data


def _finding(
    model: type[BaseModel], document: Document, path: Location, d: ErrorDetails
) -> Finding:
    location = (*path, *d["loc"])
    name = str(d["loc"][-1]) if d["loc"] else ""
    if d["type"] == "extra_forbidden":
        known = _known_keys(model, d["loc"][:-1])
        return document.finding(
            location, f"unknown key '{name}'{did_you_mean(name, known)}", key=True
        )
    if d["type"] == "missing":
        return document.finding(location[:-1], f"the key '{name}' is missing")
    return document.finding(location, f"{name}: {_message(d)}" if name else _message(d))


def _message(details: ErrorDetails) -> str:
    if details["type"] == "value_error":
        return str(details["ctx"]["error"])
    message = details["msg"]
    return message[0].lower() + message[1:]


def _known_keys(model: type[BaseModel], location: Location) -> list[str]:
    current: Any = model
    for key in location:
        current = _inside(current, key)
    fields = current.model_fields if _is_model(current) else {}
    return [field.alias or name for name, field in fields.items()]


def _inside(annotation: Any, key: str | int) -> Any:
    """The type of what stands at `key` of a value of type `annotation`, None when unknown."""
    if _is_model(annotation):
        fields = annotation.model_fields.items()
        return next((f.annotation for name, f in fields if key in (name, f.alias)), None)
    arguments = get_args(annotation)
    if get_origin(annotation) in (dict, Mapping):
        return arguments[1]
    if get_origin(annotation) in (list, tuple, Sequence):
        return arguments[0]
    return next((found for arg in arguments if (found := _inside(arg, key)) is not None), None)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)

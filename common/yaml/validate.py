"""Plain data of a document to a pydantic model; each mistake becomes a finding with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Protocol, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic_core import ErrorDetails

from common.yaml.document import Location, WrittenFloat, WrittenInt
from common.yaml.findings import Finding, InvalidFile, did_you_mean

_ABOUT_THE_KEY = "[key]"
"""Stands at the end of pydantic's location when the key of a map is wrong, not its value."""
_ABOUT_KEYS = ("extra_forbidden", "missing")
_TOLD = {
    "dict_type": "should be a map: lines like `key: value`",
    "model_type": "should be a map: lines like `key: value`",
    "list_type": "should be a list",
    "tuple_type": "should be a list",
    "too_short": "should have {min_length} or more entries",
    "string_type": "should be a text",
}
"""Where pydantic would speak of its own classes, or of Python's."""
MAX_TOLD = 100
"""Mistakes of one part that are told one by one."""

M = TypeVar("M", bound=BaseModel)


class Located(Protocol):
    """Plain data that knows where each part of it stands: a Document, or parts of several."""

    @property
    def data(self) -> Any:
        """Maps, lists and scalars."""

    def finding(self, path: Location, message: str, *, key: bool = False) -> Finding:
        """The finding at `path`; with `key` at the key that is its end."""


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


def validate(model: type[M], document: Located, path: Location = ()) -> M:
    """The part of `document` at `path` as `model`. Raises InvalidFile with every finding."""
    try:
        return model.model_validate(_part(document.data, path))
    except ValidationError as error:
        raise InvalidFile(_findings(model, document, path, error.errors())) from error


def check(
    model: type[BaseModel],
    document: Located,
    path: Location,
    excused: Callable[[Location], bool],
) -> None:
    """Raise InvalidFile with what keeps the part at `path` from being `model`.

    Wrong values at locations below `path` that are `excused` don't count: they may come later.
    A key that is unknown or missing always counts.
    """
    try:
        model.model_validate(_part(document.data, path))
    except ValidationError as error:
        wrong = [
            details
            for details in error.errors()
            if details["type"] in _ABOUT_KEYS or not excused(details["loc"])
        ]
        if wrong:
            raise InvalidFile(_findings(model, document, path, wrong)) from error


def validate_partly(
    model: type[M], document: Located, stand_ins: Mapping[Location, Any]
) -> tuple[M | None, list[Finding]]:
    """As much of the data as can be had as `model`, and every finding.

    What is wrong is left out, and what is missing is one of the `stand_ins`, so that the rest can
    be looked at too; None when that is not enough.
    """
    data = _part(document.data, ())
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        errors = error.errors()
    findings = _findings(model, document, (), errors)
    if len(errors) > MAX_TOLD:
        return None, findings
    for details in errors:
        wanted = stand_ins.get(details["loc"]) if details["type"] == "missing" else None
        data = _with(data, details["loc"], wanted)
    try:
        return model.model_validate(data), findings
    except ValidationError:
        return None, findings


def _findings(
    model: type[BaseModel], document: Located, path: Location, errors: Sequence[ErrorDetails]
) -> list[Finding]:
    """The mistakes with their places; of very many only the first, and how many more there are."""
    found = [_finding(model, document, path, details) for details in errors[:MAX_TOLD]]
    if len(errors) > MAX_TOLD:
        place = (*path, *errors[MAX_TOLD]["loc"])
        more = len(errors) - MAX_TOLD
        found.append(document.finding(place, f"here and below are {more} mistakes more"))
    return found


def _with(data: Any, location: Location, value: Any) -> Any:
    """A copy of `data` with `value` at the map's key that `location` ends at; None removes it."""
    if not isinstance(data, dict) or not location:
        return data
    key, *rest = location
    below = data.get(key)
    if rest and isinstance(below, list) and isinstance(rest[0], int) and rest[0] < len(below):
        changed = _with(below[rest[0]], tuple(rest[1:]), value)
        return {**data, key: [*below[: rest[0]], changed, *below[rest[0] + 1 :]]}
    if rest and isinstance(below, dict):
        return {**data, key: _with(below, tuple(rest), value)}
    kept = {name: item for name, item in data.items() if name != key}
    return kept if value is None else {**kept, str(key): value}


def _part(data: Any, path: Location) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else data[key]
    return {} if data is None else data


def _finding(model: type[BaseModel], document: Located, path: Location, d: ErrorDetails) -> Finding:
    location = (*path, *d["loc"])
    name = next((key for key in reversed(d["loc"]) if isinstance(key, str)), "")
    if d["type"] == "extra_forbidden":
        known = _known_keys(model, d["loc"][:-1])
        return document.finding(
            location, f"unknown key '{name}'{did_you_mean(name, known)}", key=True
        )
    if d["type"] == "missing":
        return document.finding(location[:-1], f"the key '{name}' is missing")
    if d["loc"][-1:] == (_ABOUT_THE_KEY,):
        return document.finding(location[:-1], _message(d), key=True)
    return document.finding(location, f"{name}: {_message(d)}" if name else _message(d))


def _message(details: ErrorDetails) -> str:
    if details["type"] == "value_error":
        return str(details["ctx"]["error"])
    if told := _TOLD.get(details["type"]):
        return told.format(**details.get("ctx", {}))
    message = details["msg"].removeprefix("Input ").removeprefix("Value ")
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

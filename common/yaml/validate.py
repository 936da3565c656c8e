"""Plain data of a document to a pydantic model; each error becomes a finding with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Protocol, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic_core import ErrorDetails

from common.yaml.document import Location
from common.yaml.duration import parse_duration
from common.yaml.findings import Finding, InvalidFile, did_you_mean
from common.yaml.written import as_written

_ABOUT_THE_KEY = "[key]"
"""The end of pydantic's location when the key of a map is wrong, not its value."""
_EXTENSION = "x-"
_NO_EXTENSIONS = (
    ": keys only for anchors are not supported; set the anchor (&name) where the value first occurs"
)
_ABOUT_KEYS = ("extra_forbidden", "missing")
_MAP = "expected a map: lines like `key: value`"
_INTEGER = "expected an integer"
_NUMBER = "expected a number"
_BOOLEAN = "expected true or false"
_MESSAGES = {
    "bool_parsing": _BOOLEAN,
    "bool_type": _BOOLEAN,
    "dict_type": _MAP,
    "enum": "expected {expected}",
    "finite_number": _NUMBER,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "greater_than": "expected more than {gt:g}",
    "greater_than_equal": "expected {ge} or more",
    "int_from_float": _INTEGER,
    "int_parsing": _INTEGER,
    "int_type": _INTEGER,
    "less_than_equal": "expected {le} or less",
    "list_type": "expected a list",
    "literal_error": "expected {expected}",
    "model_type": _MAP,
    "string_pattern_mismatch": "expected text that matches {pattern}",
    "string_too_short": "expected {min_length} or more characters",
    "string_type": "expected text",
    "too_short": "expected {min_length} or more entries",
    "tuple_type": "expected a list",
}
"""Our words for pydantic's types of errors; pydantic's own name classes and Python types."""
MAX_REPORTED = 100
"""Errors of one part that are reported one by one."""

M = TypeVar("M", bound=BaseModel)


class Located(Protocol):
    """Plain data with the place of each part of it: a Document, or parts of several."""

    @property
    def data(self) -> Any:
        """Maps, lists and scalars."""

    def finding(self, path: Location, message: str, *, key: bool = False) -> Finding:
        """A finding at `path`; with `key` at the last key of it."""


Text = Annotated[str, BeforeValidator(as_written)]
"""A string field: an unquoted number or boolean counts as the text that was written."""

Duration = Annotated[float, BeforeValidator(parse_duration)]
"""A field that holds seconds."""


def _as_tuple(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, str | int | float) else value


_T = TypeVar("_T")
Several = Annotated[tuple[_T, ...], BeforeValidator(_as_tuple)]
"""A list field; a single value counts as a list of one."""


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
    """Raise InvalidFile with every reason why the part at `path` is not a `model`.

    Wrong values at locations below `path` that are `excused` do not count: they may come later.
    An unknown or missing key always counts.
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
    """The valid part of the data as `model`, and every finding.

    Wrong values are left out and missing ones taken from `stand_ins`, so that the rest can be
    checked too; None when that is not enough.
    """
    data = _part(document.data, ())
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        errors = error.errors()
    findings = _findings(model, document, (), errors)
    if len(errors) > MAX_REPORTED:
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
    """The errors with their places; of very many only the first, and the number of the others."""
    found = [_finding(model, document, path, details) for details in errors[:MAX_REPORTED]]
    if len(errors) > MAX_REPORTED:
        place = (*path, *errors[MAX_REPORTED]["loc"])
        more = len(errors) - MAX_REPORTED
        found.append(document.finding(place, f"… and {more} more error{'s' * (more > 1)}"))
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
        if len(location) == 1 and name.startswith(_EXTENSION):
            return document.finding(location, f"unknown key '{name}'{_NO_EXTENSIONS}", key=True)
        return document.finding(
            location, f"unknown key '{name}'{did_you_mean(name, known)}", key=True
        )
    if d["type"] == "missing":
        return document.finding(location[:-1], f"missing key '{name}'")
    if d["loc"][-1:] == (_ABOUT_THE_KEY,):
        return document.finding(location[:-1], _message(d), key=True)
    return document.finding(location, f"{name}: {_message(d)}" if name else _message(d))


def _message(details: ErrorDetails) -> str:
    if details["type"] == "value_error":
        return str(details["ctx"]["error"])
    if message := _MESSAGES.get(details["type"]):
        return message.format(**details.get("ctx", {}))
    message = details["msg"].removeprefix("Input ").removeprefix("Value ")
    return message[0].lower() + message[1:]


def _known_keys(model: type[BaseModel], location: Location) -> list[str]:
    current: Any = model
    for key in location:
        current = _inside(current, key)
    fields = current.model_fields if _is_model(current) else {}
    return [field.alias or name for name, field in fields.items()]


def _inside(annotation: Any, key: str | int) -> Any:
    """The type of the value at `key` of a value of type `annotation`, None when unknown."""
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

"""The JSON Schema of `pipelines.yaml`, for editors: made from the models, but wider.

An unquoted number counts as text, a single value as a list of one, and `${{ }}` is allowed in place
of a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from common.settings.farm import FarmFile
from pipelines.domain.pipeline import StepKind
from pipelines.language.entries import PipelinesFile
from pipelines.language.views.field_docs import field_texts, model_text

_REFERENCE = {"type": "string", "pattern": r"\$\{\{"}
_DURATION = {"type": "string", "pattern": r"^\s*(\d+\s*[smhd]\s*)*(\d+\s*)?$|\$\{\{"}


def json_schema(kinds: Mapping[str, StepKind[Any]]) -> dict[str, Any]:
    """The schema, with the options of the given step kinds."""
    models: list[type[BaseModel]] = [PipelinesFile, *(kind.options for kind in kinds.values())]
    names, made = models_json_schema([(model, "validation") for model in models], by_alias=True)
    definitions = made["$defs"]
    for model in _all_models(models):
        _describe(definitions.get(model.__name__), model)
    definitions = {name: _widened(part) for name, part in definitions.items()}
    references = {model: names[model, "validation"]["$ref"] for model in models}
    _steps(definitions["StepEntry"], kinds, references)
    _pipelines(definitions["PipelineEntry"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pipelines.yaml",
        "$ref": references[PipelinesFile],
        "$defs": dict(sorted(definitions.items())),
    }


def farm_schema() -> dict[str, Any]:
    """The schema of `farm.yaml`."""
    made = FarmFile.model_json_schema(by_alias=True)
    definitions = {**made.pop("$defs"), FarmFile.__name__: made}
    for model in _all_models([FarmFile]):
        _describe(definitions.get(model.__name__), model)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "farm.yaml",
        "$ref": f"#/$defs/{FarmFile.__name__}",
        "$defs": {name: _widened(part) for name, part in sorted(definitions.items())},
    }


def _all_models(models: list[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    seen: set[type[BaseModel]] = set()
    waiting: list[Any] = list(models)
    while waiting:
        part = waiting.pop()
        if isinstance(part, type) and issubclass(part, BaseModel):
            if part not in seen:
                seen.add(part)
                yield part
                waiting += [field.annotation for field in part.model_fields.values()]
        else:
            waiting += getattr(part, "__args__", ())


def _describe(schema: dict[str, Any] | None, model: type[BaseModel]) -> None:
    if schema is None:
        return
    schema["description"] = model_text(model)
    schema.pop("title", None)
    texts = field_texts(model)
    for name, field in model.model_fields.items():
        entry = schema.get("properties", {}).get(field.alias or name)
        if entry is not None:
            entry.pop("title", None)
            if name in texts:
                entry["description"] = texts[name]


def _widened(part: Any) -> Any:
    if isinstance(part, list):
        return [_widened(item) for item in part]
    if not isinstance(part, dict):
        return part
    made = {key: _widened(value) for key, value in part.items()}
    if str(made.get("$ref", "")).endswith("/RetriesEntry"):
        return {"anyOf": [made, {"type": "integer", "minimum": 0}]}
    return _widened_value(made)


def _widened_value(made: dict[str, Any]) -> dict[str, Any]:
    wanted = "enum" if "enum" in made or "const" in made else made.get("type")
    if wanted == "string":
        # a pattern, like a length, does not apply to a number: `doit validate` checks that
        text = {**made, "type": ["string", "number", "boolean"]}
        return _or(text, _REFERENCE) if "pattern" in made else text
    others = {
        "enum": _REFERENCE,
        "boolean": _REFERENCE,
        "integer": _REFERENCE,
        "number": _DURATION,
        "array": made.get("items", {}),
    }
    # one of the properties may be called `type`
    if not isinstance(wanted, str) or wanted not in others:
        return made
    return _or(made, others[wanted])


def _or(schema: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    beside: dict[str, Any] = {
        key: schema.pop(key) for key in ("description", "default") if key in schema
    }
    return {**beside, "anyOf": [schema, other]}


def _steps(
    schema: dict[str, Any],
    kinds: Mapping[str, StepKind[Any]],
    references: Mapping[type[BaseModel], str],
) -> None:
    named = {name: kind for name, kind in kinds.items() if name != "run"}
    uses = schema["properties"]["uses"]
    # any other word may be a step kind of an installed package
    schema["properties"]["uses"] = {
        "description": uses["description"],
        "anyOf": [{"enum": sorted(named)}, {"type": "string"}],
    }
    schema["allOf"] = [
        {
            "if": {"properties": {"uses": {"const": name}}, "required": ["uses"]},
            "then": {"properties": {"with": {"$ref": references[kind.options]}}},
        }
        for name, kind in sorted(named.items())
    ]
    schema["not"] = {"required": ["uses", "run"]}


def _pipelines(schema: dict[str, Any]) -> None:
    """Required keys of a pipeline may come from the pipeline that it extends."""
    work = {"anyOf": [{"required": ["uses"]}, {"required": ["run"]}]}
    schema["if"] = {"not": {"required": ["extends"]}}
    schema["then"] = {
        "required": schema.pop("required"),
        "properties": {"steps": {"items": work}},
    }
    schema["properties"]["source"] = {
        "description": schema["properties"]["source"].get("description", ""),
        "$ref": schema["properties"]["source"]["$ref"],
    }

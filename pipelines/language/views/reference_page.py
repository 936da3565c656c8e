"""The reference page of the language, made from the models and the kinds of steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from pipelines.domain.errors import FailureCode
from pipelines.domain.pipeline import Source, StepKind
from pipelines.language.entries import (
    DefaultsEntry,
    ForEntry,
    MatrixEntry,
    ParamEntry,
    PipelineEntry,
    PipelinesFile,
    RetriesEntry,
    StepEntry,
)
from pipelines.language.expressions.references import JOB_NAMES
from pipelines.language.views.field_docs import field_texts, model_text

_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The file", PipelinesFile),
    ("A pipeline", PipelineEntry),
    ("source", Source),
    ("for", ForEntry),
    ("params", ParamEntry),
    ("defaults", DefaultsEntry),
    ("A step", StepEntry),
    ("retries", RetriesEntry),
    ("matrix", MatrixEntry),
)
_TITLES = {model.__name__: title for title, model in _SECTIONS}

_HEAD = """\
# Reference: `pipelines.yaml`

Made by `scripts/reference` from the models that check the file; don't edit it here.
An editor that knows `pipelines.schema.json` completes and checks while you type: put

```text
# yaml-language-server: $schema=./pipelines.schema.json
```

on the first line of the file.
"""

_VALUES = """\
## Values: `${{ name }}`

| name | value |
|---|---|
| `params.NAME` | of the parameter: the job's, else its default |
%(job)s
| `matrix.NAME` | that the step was expanded with |
| `steps.STEP.outputs.NAME` | that a step gave which this one needs, directly or through others |
| `secrets.NAME` | of the secret; only in `env` and `run` |

In a script (`run`) a name becomes a reference to an environment variable that carries the value,
in quotes: whatever is in the value, it is one word and never a command. Where that can't be (in
single quotes, in backquotes, in arithmetic, in a script for python) the file is refused. Elsewhere
(`with`, `env`, `dir`, `inputs`, `outputs`, `artifacts`, `resources`) the value stands in its place
with its type; `matrix.NAME` may stand in every key; in `when` it stands without `${{ }}`.

A `run` step gives values by lines `NAME=VALUE` in the file that `$STEP_OUTPUT` names, for the names
in its `values`.

## Conditions: `when`

| condition | is true when |
|---|---|
| `success` | all that the step needs succeeded |
| `failure` | a step before it failed |
| `always` | all before it has ended, well or not |
| `params.x`, `job.branch`, … | the value is not empty, `0` or `false` |
| `a == b`, `a != b` | as text they are equal, or not |
| `matches(a, 'x*', …)` | one of the patterns fits the whole value; `*` goes over `/` too |
| `changed('src/**', …)` | the job changes a file that one of the patterns names |
| `not a`, `a and b`, `a or b`, `(…)` | |

A condition without `success`, `failure` or `always` means `success and (…)`. Texts stand in single
or double quotes; names stand without `${{ }}`.
"""


def reference_page(kinds: Mapping[str, StepKind[Any]]) -> str:
    """The page, in Markdown."""
    parts = [_HEAD]
    for title, model in _SECTIONS:
        parts += [f"## {title}\n", *_table(model)]
    job = "\n".join(f"| `job.{name}` | {_JOB[name]} |" for name in JOB_NAMES)
    parts.append(_VALUES % {"job": job})
    parts.append("## Kinds of steps: `uses`\n")
    for name, kind in sorted(kinds.items()):
        if name != "run":
            parts += _kind(name, kind)
    codes = ", ".join(f"`{code}`" for code in FailureCode)
    parts.append(f"## Failure codes, for `retries.on`\n\n{codes}\n")
    return "\n".join(parts)


_JOB = {
    "id": "id of the job; in scripts `BUILD_JOB`",
    "branch": "branch that the job names, or nothing",
    "commit": "full id of the commit",
    "attempt": "number of the attempt, from 1",
    "builder": "id of the builder",
}


def _kind(name: str, kind: StepKind[Any]) -> Iterator[str]:
    yield f"### `{name}`\n\n{kind.summary[0].upper()}{kind.summary[1:]}.\n"
    if kind.values:
        names = ", ".join(f"`{value}`" for value in kind.values)
        yield f"Gives the values {names}.\n"
    if kind.options.model_fields:
        yield from _table(kind.options)
    else:
        yield "It has no options.\n"


def _table(model: type[BaseModel]) -> Iterator[str]:
    schema = model.model_json_schema(by_alias=True)
    texts = field_texts(model)
    required = schema.get("required", [])
    yield f"{model_text(model)}\n"
    yield "| key | value | default | |\n|---|---|---|---|"
    for name, field in model.model_fields.items():
        key = field.alias or name
        entry = schema["properties"][key]
        default = "needed" if key in required else _default(entry)
        words = _words(entry).replace("|", "\\|")
        yield f"| `{key}` | {words} | {default} | {texts.get(name, '')} |"
    yield ""


def _default(entry: Mapping[str, Any]) -> str:
    value = entry.get("default")
    if value in (None, [], {}, ""):
        return ""
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _words(entry: Mapping[str, Any]) -> str:
    """What a value is, in a word or two."""
    if "enum" in entry:
        return ", ".join(f"`{word}`" for word in entry["enum"])
    if "anyOf" in entry:
        return _words(next(part for part in entry["anyOf"] if part.get("type") != "null"))
    if "$ref" in entry:
        name = entry["$ref"].rpartition("/")[2]
        title = _TITLES.get(name)
        return f"[{title}](#{title.lower().replace(' ', '-')})" if title else _OTHERS[name]
    if entry.get("type") == "array":
        return f"list of {_words(entry['items'])}"
    if entry.get("type") == "object":
        inner = entry.get("additionalProperties", True)
        return f"names with {_words(inner)}" if isinstance(inner, dict) else "names with values"
    return _TYPES.get(str(entry.get("type")), "any value")


_TYPES = {
    "string": "text",
    "boolean": "`true`, `false`",
    "integer": "whole number",
    "number": "duration: `90s`, `30m`, `2h`",
}
_OTHERS = {"ParamType": "`string`, `integer`, `boolean`"}

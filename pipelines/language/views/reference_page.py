"""The reference page of the language, made from the models and the step kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from pipelines.domain.errors import FailureCode
from pipelines.domain.evidence import RequiredEvidence
from pipelines.domain.pipeline import Source, StepKind
from pipelines.language.entries import (
    DefaultsEntry,
    ForEntry,
    MatrixEntry,
    NotifyEntry,
    ParamEntry,
    PipelineEntry,
    PipelinesFile,
    PushEntry,
    RetriesEntry,
    ScheduleEntry,
    StepEntry,
    TriggersEntry,
    TrustedEntry,
)
from pipelines.language.expressions.references import JOB_NAMES
from pipelines.language.views.field_docs import field_texts, model_text

_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The file", PipelinesFile),
    ("A pipeline", PipelineEntry),
    ("source", Source),
    ("for", ForEntry),
    ("triggers", TriggersEntry),
    ("requires_evidence", RequiredEvidence),
    ("push", PushEntry),
    ("schedule", ScheduleEntry),
    ("trusted", TrustedEntry),
    ("notify", NotifyEntry),
    ("params", ParamEntry),
    ("defaults", DefaultsEntry),
    ("A step", StepEntry),
    ("retries", RetriesEntry),
    ("matrix", MatrixEntry),
)
_TITLES = {model.__name__: title for title, model in _SECTIONS}

_HEAD = """\
# Reference: `pipelines.yaml`

`scripts/reference` makes this page from the models that check the file; do not edit it here.
An editor with a YAML language server completes and checks while you type if the first line of the
file is:

```text
# yaml-language-server: $schema=./pipelines.schema.json
```
"""

_VALUES = """\
## Values: `${{ name }}`

| name | value |
|---|---|
| `params.NAME` | parameter: the job's value or the default |
%(job)s
| `matrix.NAME` | matrix value of this step |
| `steps.STEP.outputs.NAME` | value of a step that this one needs; empty if that step was skipped |
| `secrets.NAME` | secret; only in `env` and `run` |

In a script (`run`) a name becomes a quoted reference to an environment variable with the value:
whatever the value contains, it is one word and never a command. Where that is impossible (in single
quotes, backquotes, arithmetic or a Python script) the file is invalid. Elsewhere (`with`, `env`,
`dir`, `inputs`, `outputs`, `artifacts`, `resources`) the value replaces the name and keeps its
type. `matrix.NAME` is allowed in every key. In `when`, write names without `${{ }}`.

To set the values that a `run` step lists in `values`, its script writes lines `NAME=VALUE` to the
file `$STEP_OUTPUT`.

## Conditions: `when`

| condition | is true when |
|---|---|
| `success` | every step that this one needs succeeded |
| `failure` | an earlier step failed |
| `always` | all earlier steps have ended, successfully or not |
| `params.x`, `job.branch`, … | the value is not empty, `0` or `false` |
| `a == b`, `a != b` | they are equal as text, or not |
| `matches(a, 'x*', …)` | one of the patterns matches the whole value; `*` matches `/` too |
| `changed('src/**', …)` | the job changes a file that matches one of the patterns |
| `not a`, `a and b`, `a or b`, `(…)` | |

A condition without `success`, `failure` or `always` means `success and (…)`. Write text in single
or double quotes, and names without `${{ }}`.
"""


def reference_page(kinds: Mapping[str, StepKind[Any]]) -> str:
    """The page, in Markdown."""
    parts = [_HEAD]
    for title, model in _SECTIONS:
        parts += [f"## {title}\n", *_table(model)]
    job = "\n".join(f"| `job.{name}` | {_JOB[name]} |" for name in JOB_NAMES)
    parts.append(_VALUES % {"job": job})
    parts.append("## Step kinds: `uses`\n")
    for name, kind in sorted(kinds.items()):
        if name != "run":
            parts += _kind(name, kind)
    codes = ", ".join(f"`{code}`" for code in FailureCode)
    parts.append(f"## Failure codes, for `retries.on`\n\n{codes}\n")
    return "\n".join(parts)


_JOB = {
    "id": "id of the job; in scripts `BUILD_JOB`",
    "branch": "branch of the job, or empty",
    "commit": "full id of the commit",
    "attempt": "number of the attempt, from 1",
    "builder": "id of the builder",
}


def _kind(name: str, kind: StepKind[Any]) -> Iterator[str]:
    yield f"### `{name}`\n\n{kind.summary[0].upper()}{kind.summary[1:]}.\n"
    if kind.values:
        names = ", ".join(f"`{value}`" for value in kind.values)
        yield f"Values: {names}.\n"
    if kind.options.model_fields:
        yield from _table(kind.options)
    else:
        yield "No options.\n"


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
    """The type of a value, in a word or two."""
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
        return f"map of names to {_words(inner) if isinstance(inner, dict) else 'values'}"
    return _TYPES.get(str(entry.get("format", entry.get("type"))), "any value")


_TYPES = {
    "string": "text",
    "boolean": "`true`, `false`",
    "integer": "whole number",
    "size": "size: `500M`, `8G`",
    "processors": "number",
    "number": "duration: `90s`, `30m`, `2h`",
}
_OTHERS = {
    "ParamType": "`string`, `integer`, `boolean`",
    "When": "`failure`, `recovery`, `always`",
    "Supersede": "`nothing`, `waiting`, `running`",
}

"""The files of this project that are generated from its models."""

from __future__ import annotations

import json

from pipelines.language.views.reference_page import reference_page
from pipelines.language.views.schema import farm_schema, json_schema
from pipelines.steps.registry import step_kinds


def generated_files() -> dict[str, str]:
    """Path below the project's folder and text of each file."""
    # only our own step kinds: the page must not depend on what happens to be installed
    own = step_kinds(lambda step, manifest: f"{step}{manifest!r}", dict).own
    return {
        "farm.schema.json": json.dumps(farm_schema(), indent=1, ensure_ascii=False) + "\n",
        "docs/reference-pipelines.md": reference_page(own),
        "pipelines.schema.json": json.dumps(json_schema(own), indent=1, ensure_ascii=False) + "\n",
    }

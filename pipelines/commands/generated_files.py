"""The files of this project that are made from its models."""

from __future__ import annotations

import json

from pipelines.language.views.reference_page import reference_page
from pipelines.language.views.schema import json_schema
from pipelines.steps.registry import step_kinds


def generated_files() -> dict[str, str]:
    """Path below the project's folder and text of each file."""
    # only the kinds that are here: what happens to be installed does not belong into the page
    own = step_kinds(lambda step, manifest: f"{step}{manifest!r}", dict).own
    return {
        "docs/reference-pipelines.md": reference_page(own),
        "pipelines.schema.json": json.dumps(json_schema(own), indent=1, ensure_ascii=False) + "\n",
    }

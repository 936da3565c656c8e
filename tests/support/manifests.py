"""The published schema of manifests."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from tests.conftest import HOME


def manifest_schema() -> Draft202012Validator:
    """Its validator; the schema itself was checked."""
    schema: dict[str, Any] = json.loads((HOME / "docs/artifact-manifest.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)

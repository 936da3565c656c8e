"""What an agent can look up: the pipelines, their schema, and what to do about failure codes."""

from __future__ import annotations

import json
from pathlib import Path

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from common.errors import ApplicationError
from coordination_tasks.agents.mcp.workplace import Workplace
from coordination_tasks.domain.next_step import remedies

_JSON, _YAML = "application/json", "application/yaml"


def add_resources(server: MCPServer, place: Workplace) -> None:
    """Add them to the server."""

    @server.resource("farm://pipelines", mime_type=_JSON)
    def pipelines() -> str:
        """The pipelines by name: labels that a builder needs, and names of secrets."""
        try:
            known = place.farm.pipelines.known
        except ApplicationError as error:
            raise ResourceError(str(error)) from error
        found = {
            name: {"labels": terms.labels, "secrets": terms.secrets}
            for name, terms in known.items()
        }
        return json.dumps(found, indent=2)

    @server.resource("farm://pipelines.yaml", mime_type=_YAML)
    def pipelines_file() -> str:
        """The pipelines file of this builder, as it is now."""
        return _text(place.farm.pipelines.file())

    @server.resource("farm://pipelines.schema.json", mime_type=_JSON)
    def schema() -> str:
        """The JSON schema of the pipelines file."""
        return _text(place.farm.home / "pipelines.schema.json")

    @server.resource("farm://failure-codes", mime_type=_JSON)
    def failure_codes() -> str:
        """What to do about each failure code."""
        return json.dumps(remedies(), indent=2)

    @server.resource("farm://failure-codes/{code}", mime_type="text/plain")
    def failure_code(code: str) -> str:
        """What to do about one failure code."""
        found = remedies()
        if code not in found:
            raise ResourceNotFoundError(f"unknown code {code[:60]!r} (known: {', '.join(found)})")
        return found[code]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ResourceError(f"cannot read {path}: {error}") from error

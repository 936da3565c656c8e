"""A tool that refuses what it does not know, and answers errors with what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from math import isfinite
from typing import Annotated, Any, get_type_hints

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field, ValidationError

from common.errors import ApplicationError
from coordination_tasks.domain.errors import CoordinationError, in_words

Whole = Annotated[int, Field(strict=True)]
"""A whole number: neither text nor a truth value passes for one."""
Flag = Annotated[bool, Field(strict=True)]
Words = Annotated[str, Field(max_length=10_000)]
Names = Annotated[list[Annotated[str, Field(max_length=1000)]], Field(max_length=100)]

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
ADDS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)
SETS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
ENDS = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)


class FarmTool(Tool):
    """A tool of the farm."""

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> Any:
        """See Tool. Raises ToolError with one readable line."""
        try:
            answer = await super().run(arguments, context)
        except ToolError as error:
            raise _readable(self, error) from error
        result = self.fn_metadata.convert_result(_encodable(asdict(answer)))
        if isinstance(result, CallToolResult):
            # the SDK repeats the answer as indented text, which is a third longer
            text = json.dumps(result.structured_content, ensure_ascii=False)
            result.content = [TextContent(type="text", text=text)]
        return result if convert_result else answer


def farm_tool(function: Callable[..., Any], annotations: ToolAnnotations) -> Tool:
    """The tool of a function: its docstring and its annotated arguments describe it."""
    tool = FarmTool.from_function(function, annotations=annotations, structured_output=False)
    model = tool.fn_metadata.arg_model
    model.model_config["extra"] = "forbid"
    model.model_rebuild(force=True)
    # the SDK copies a dataclass to a model of its own, which fails for one with slots
    tool.fn_metadata = FuncMetadata(
        arg_model=model, output_model=get_type_hints(function)["return"]
    )
    tool.parameters = model.model_json_schema(by_alias=True)
    tool.description = " ".join(tool.description.split())
    return tool


def _readable(tool: Tool, error: ToolError) -> ToolError:
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        known = ", ".join(tool.parameters["properties"]) or "none"
        problems = [_problem(each["loc"], each["type"], each["msg"]) for each in cause.errors()]
        return ToolError(f"{'; '.join(problems)} (arguments of {tool.name}: {known})")
    if isinstance(error, UnexpectedToolError) and isinstance(cause, ApplicationError | OSError):
        later = isinstance(cause, CoordinationError) and cause.retryable
        words = in_words(cause) if isinstance(cause, OSError) else str(cause).strip()
        return ToolError(_encodable(f"{words}{'. Try again later.' if later else ''}"))
    return error


def _encodable(value: object) -> Any:
    """The value as UTF-8 and JSON can hold it: other programs write half characters, infinity."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode("utf-8")
        case float():
            return value if isfinite(value) else None
        case dict():
            return {_encodable(name): _encodable(member) for name, member in value.items()}
        case list() | tuple():
            return [_encodable(member) for member in value]
    return value


def _problem(place: tuple[int | str, ...], kind: str, message: str) -> str:
    name = ".".join(map(str, place))[:80]
    if kind == "extra_forbidden":
        return f"unknown argument {name!r}"
    if kind == "missing":
        return f"missing argument {name!r}"
    return f"argument {name!r}: {message[0].lower()}{message[1:]}"

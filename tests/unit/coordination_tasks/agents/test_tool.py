"""A tool refuses what it does not know, and its answers and errors can be sent."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult

from coordination_tasks.agents.mcp.tool import READS, Flag, Names, Whole, Words, farm_tool
from coordination_tasks.domain.errors import BadRequest, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    text: str
    number: float | None


def measure(text: Words, number: Whole = 1, names: Names = [], deep: Flag = False) -> Answer:  # noqa: B006
    """Measure
    something."""
    if text == "wrong":
        raise BadRequest("unknown thing \ud800")
    if text == "away":
        raise Unavailable("the remote does not answer")
    if text == "bug":
        raise ZeroDivisionError("a secret of ours")
    text += "\ud800" if deep else ""
    return Answer(text=text, number=float("inf") if deep else number)


def call(**arguments: Any) -> CallToolResult:
    server = MCPServer("test", tools=[farm_tool(measure, READS)])
    result = asyncio.run(server.call_tool("measure", arguments))
    assert isinstance(result, CallToolResult)
    return result


def test_text_and_structured_answer_are_the_same() -> None:
    result = call(text="half \u00e4 ", number=3, deep=True)
    assert result.structured_content == {"text": "half \u00e4 ?", "number": None}
    assert json.loads(result.content[0].text) == result.structured_content  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"text": "a", "nmuber": 1}, "unknown argument 'nmuber' (arguments of measure: text, "),
        ({}, "missing argument 'text' (arguments of"),
        ({"text": "a", "number": True}, "argument 'number': input should be a valid integer"),
        ({"text": "a", "number": "7"}, "argument 'number': input should be a valid integer"),
        ({"text": "a", "deep": 1}, "argument 'deep': input should be a valid boolean"),
        ({"text": "a", "names": "x"}, "argument 'names': input should be a valid list"),
        ({"text": 5}, "argument 'text': input should be a valid string"),
        ({"text": "wrong"}, "unknown thing ?"),
        ({"text": "away"}, "the remote does not answer. Try again later."),
    ],
)
def test_an_error_is_one_line_that_says_what_is_wrong(arguments: Any, said: str) -> None:
    with pytest.raises(ToolError) as caught:
        call(**arguments)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_a_bug_shows_nothing_of_itself() -> None:
    with pytest.raises(ToolError) as caught:
        call(text="bug")
    assert str(caught.value) == "Error executing tool measure"

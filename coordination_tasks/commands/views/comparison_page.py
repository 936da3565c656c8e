"""How two builds differ, as lines, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from common.cli.terminal_text import printable
from coordination_tasks.farm.artifacts.comparison import (
    Comparison,
    Content,
    FileDifference,
    is_about_the_build,
)
from coordination_tasks.farm.artifacts.members import MemberDifferences

_SHOWN = 20
"""Members of an archive, of each kind."""


def text_lines(found: Comparison) -> Iterator[str]:
    """One line for each file that differs or is only in one, then its members."""
    yield printable(f"A: {found.a}")
    yield printable(f"B: {found.b}")
    yield _count(len(found.same), "the same")
    for one in found.differing:
        always = ", as it does after each build" if is_about_the_build(one.name) else ""
        yield printable(f"differs{always}: {one.name} ({_sizes(one)})")
        yield from (printable(f"  {line}") for line in _member_lines(one.members))
        yield from (printable(f"  {line}") for line in one.diffoscope.splitlines())
    yield from (printable(f"only in A: {name}") for name in found.only_in_a)
    yield from (printable(f"only in B: {name}") for name in found.only_in_b)


def markdown_lines(found: Comparison) -> Iterator[str]:
    """A table of all files, then what differs in each."""
    yield from (f"Artifacts of A ({_code(found.a)}) and B ({_code(found.b)}):", "")
    yield from ("| file | result |", "|---|---|")
    yield from (f"| {_code(name)} | same |" for name in found.same)
    yield from (f"| {_code(one.name)} | differs: {_sizes(one)} |" for one in found.differing)
    yield from (f"| {_code(name)} | only in A |" for name in found.only_in_a)
    yield from (f"| {_code(name)} | only in B |" for name in found.only_in_b)
    for one in found.differing:
        lines = list(_member_lines(one.members))
        if lines or one.diffoscope:
            yield from ("", f"### {_code(one.name)}", "")
        yield from (f"- {_code(line)}" for line in lines)
        if one.diffoscope:
            fence = _fence(one.diffoscope)
            yield from ("", f"{fence}diff", *one.diffoscope.splitlines(), fence)


def comparison_as_json(found: Comparison) -> dict[str, object]:
    """Every member that differs, without a limit."""
    return {
        "a": found.a,
        "b": found.b,
        "same": list(found.same),
        "differing": [
            {
                "name": one.name,
                "a": _content_as_json(one.a),
                "b": _content_as_json(one.b),
                "members": _members_as_json(one.members),
                "diffoscope": one.diffoscope or None,
            }
            for one in found.differing
        ],
        "only_in_a": list(found.only_in_a),
        "only_in_b": list(found.only_in_b),
    }


def _content_as_json(content: Content) -> dict[str, object]:
    return {"size_bytes": content.size, **content.digests}


def _members_as_json(members: MemberDifferences | None) -> dict[str, object] | None:
    if members is None:
        return None
    return {
        "content": list(members.content),
        "attributes": {name: list(found) for name, found in members.attributes.items()},
        "only_in_a": list(members.only_in_a),
        "only_in_b": list(members.only_in_b),
    }


def _member_lines(members: MemberDifferences | None) -> Iterator[str]:
    if members is None:
        return
    yield from _some(f"content differs: {name}" for name in members.content)
    yield from _some(f"{name}: {'; '.join(found)}" for name, found in members.attributes.items())
    yield from _some(f"only in A: {name}" for name in members.only_in_a)
    yield from _some(f"only in B: {name}" for name in members.only_in_b)
    parts = (members.content, members.attributes, members.only_in_a, members.only_in_b)
    if not any(parts):
        yield "all members are the same: only their order or compression differs"


def _some(lines: Iterable[str]) -> Sequence[str]:
    found = list(lines)
    more = len(found) - _SHOWN
    return [*found[:_SHOWN], f"and {more} more"] if more > 0 else found


def _sizes(one: FileDifference) -> str:
    if one.a.size == one.b.size:
        return f"{one.a.size} bytes each"
    return f"{one.a.size} bytes in A, {one.b.size} in B"


def _count(number: int, what: str) -> str:
    return f"{what}: {number} file{'' if number == 1 else 's'}"


def _code(text: str) -> str:
    """Inline code, which no text in it ends."""
    clean = printable(text).replace("|", "\\|")
    return f"`` {clean} ``" if "`" in clean else f"`{clean}`"


def _fence(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return fence

"""What the documents show must be true: every YAML block is read by the program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

import pytest

from common.records import read_record, record
from common.settings.farm import parse_farm_file
from common.yaml.document import parse_document
from coordination_tasks.builder.config.builder import BuilderFile
from pipelines.language.load import read_pipelines
from pipelines.steps.registry import step_kinds
from tests.conftest import HOME, git
from tests.integration.docs.test_commands_documented import COMMANDS

_BLOCK = re.compile(r"^```yaml(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ANY_BLOCK = re.compile(r"^```ya?ml", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
PIPELINE = "pipelines:\n  shown:\n    description: x\n    source: {repository: ./x.git}\n"
PARAMS = "    params: {target: {default: all}}\n"


@dataclass(frozen=True)
class Block:
    """A YAML block of a document; `kind` stands behind ```` ```yaml ````."""

    name: str
    kind: str
    text: str


def documents() -> list[Path]:
    """What people wrote: results hold what tools printed."""
    names = git("-C", str(HOME), "ls-files", "*.md", ":!benchmarks/results").splitlines()
    return [HOME / name for name in names]


def blocks() -> Iterator[Block]:
    for path in documents():
        text = path.read_text()
        for found in _BLOCK.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Block(f"{path.relative_to(HOME)}:{line}", found[1] or "", found[2])


BLOCKS = list(blocks())


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_a_block_is_what_it_says(block: Block, tmp_path: Path) -> None:
    if block.kind == "builder":
        read_record(record(BuilderFile), parse_document(block.text.encode(), block.name))
        return
    if block.kind == "farm":
        parse_farm_file(parse_document(block.text.encode(), block.name))
        return
    whole = {
        "pipelines": block.text,
        "pipeline": PIPELINE + indent(block.text, "    "),
        "steps": PIPELINE + PARAMS + "    steps:\n" + indent(block.text, "      "),
    }
    assert block.kind in whole, f"{block.name}: say ```yaml {' or '.join([*whole, 'builder'])}"
    path = tmp_path / "pipelines.yaml"
    path.write_text(whole[block.kind])
    assert read_pipelines(path, step_kinds(lambda *_: "", dict))


def test_no_block_is_overlooked() -> None:
    there = sum(len(_ANY_BLOCK.findall(path.read_text())) for path in documents())
    assert len(BLOCKS) == there >= 10


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(HOME)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in _LINK.findall(path.read_text()):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"


_SPAN = re.compile(r"`(?:\$ )?doit ([^`]*)`|^(?:\$ |.*/)?doit ((?:[a-z-]+)(?: .*)?)$", re.MULTILINE)
_WORDS = re.compile(r"(?<![-\w])--[a-z][-\w]*")
FOREIGN = {"list", "info", "help", "dumpdb", "ignore", "reset-dep"}
"""doit's own commands."""


def commands() -> Iterator[tuple[str, str]]:
    for path in documents():
        for inline, line in _SPAN.findall(path.read_text()):
            text = " ".join((inline or line).partition("#")[0].split())
            if text and not text.startswith(("-", "COMMAND")):
                yield f"{path.relative_to(HOME)}: doit {text}", text


@pytest.mark.parametrize(("where", "text"), sorted(set(commands())))
def test_commands_and_their_options_are_there(where: str, text: str) -> None:
    name = text.split(maxsplit=1)[0]
    if name in FOREIGN:
        return
    assert name in COMMANDS, where
    known = {f"--{option['long']}" for option in COMMANDS[name].cmd_options if option["long"]}
    assert set(_WORDS.findall(text)) <= known, where

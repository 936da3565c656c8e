"""docs/commands.md says what the program does: commands, options, exit codes, JSON."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from doit.plugin import PluginDict

from common.cli.help import GROUPS
from tests.conftest import HOME, PATIENCE, Farm
from tests.support.doit.documented_farm import BROKEN, BUILT, DROPPED, RUNNING, WAITING, fill

DOCUMENT = (HOME / "docs" / "commands.md").read_text()
CODE = re.compile(r"(?:^|,\s+|\n\s+)(128\+n|\d+)\b")
COMMANDS: dict[str, type[Any]] = {}
for name, place in tomllib.loads((HOME / "pyproject.toml").read_text())["tool"]["doit"]["plugins"][
    "command"
].items():
    module, _, cls = place.partition(":")
    if module == "common.cli.doit_commands":
        continue  # doit's own
    COMMANDS[name] = getattr(import_module(module), cls)

EXAMPLES: dict[str, tuple[list[str], ...]] = {
    "doit jobs": (["jobs"],),
    "doit status": (["status"],),
    "doit status --job ID": (["status", "--job", BUILT], ["status", "--job", DROPPED]),
    "doit messages": (["messages"],),
    "doit messages --counts": (["messages", "--counts"],),
    "doit messages --export DIR": (["messages", "--export", "exported.d"],),
    "doit metrics": (["metrics"],),
    "doit predict": (["predict", BUILT],),
    "doit locks": (["locks"],),
    "doit outbox": (["outbox"],),
    "doit clean-workspaces": (["clean-workspaces"],),
    "doit housekeeping": (["housekeeping", "--dry-run"],),
    "doit fsck": (["fsck"],),
    "doit doctor": (["doctor"],),
    "doit explain": (["explain"],),
    "doit explain JOB": (["explain", BUILT], ["explain", DROPPED]),
    "doit explain JOB STEP": (["explain", BUILT, "second"],),
    "doit failure JOB": (["failure", BROKEN], ["failure", DROPPED]),
    "doit plan PIPELINE": (["plan", "everything"],),
    "doit graph PIPELINE": (["graph", "everything"],),
    "doit validate": (["validate"], ["validate", "mistaken.yaml"]),
    "doit set": (["set", WAITING, "--hold"],),
    "doit cancel": (["cancel", WAITING],),
    "doit logs": (["logs", BUILT],),
    "doit enqueue": (["enqueue", "--pipeline", "ledger", "--branch", "main", "--if-new"],),
    "doit fetch": (["fetch", BUILT, "-o", "fetched.d"],),
    "doit compare": (["compare", "fetched.d", "changed.d"], ["compare", "a.d", "b.d"]),
    "doit retry": (["retry", WAITING],),
    "doit drain": (["drain"],),
    "doit verify": (["verify"], ["verify", "changed.d"]),
    "doit artifacts": (["artifacts"],),
    "doit artifacts-cleanup": (["artifacts-cleanup", "--keep", "1"],),
    "doit good-builds": (["good-builds"],),
    "doit promote": (["promote", BUILT, "--to", "drop"],),
    "doit rollback": (["rollback", BUILT],),
    "doit publications": (["publications"],),
    "doit last-good": (["last-good", "main"],),
    "doit keys": (["keys"],),
    "doit keys --signed": (["keys", "--signed"],),
    "doit version": (["version"],),
    "doit resume": (["resume"],),
    "doit triggers": (["triggers"],),
    "doit alerts": (["alerts"],),
    "doit alerts --test": (["alerts", "--test"],),
    "doit share": (["share", "mistaken.yaml"],),
    "doit shared": (["shared"], ["shared", "--get", "notes.txt", "-o", "got.d"]),
    "doit remove-builder": (["remove-builder", "build1"],),
    "doit rename-builder": (["rename-builder", "build1", "build7", "--builder", "build1"],),
    "doit recover": (["recover", "--from-clone"],),
    "doit release": (["release", RUNNING, "--force"],),
    "doit build": (["build", BUILT],),
    "doit reproduce": (["reproduce", BUILT, "--on", "build2"],),
    "doit rerun": (["rerun", BUILT],),
    "doit try": (["try", "ledger", "--dir", "tree.d"],),
    "doit new": (["new", "added", "--template", "shell"],),
    "doit squash-heartbeat": (["squash-heartbeat"],),
    "doit watch": (["watch"],),
}
"""For each heading what to run in the farm; together the runs have every key that is documented."""

Table = list[list[str]]
"""Its cells, row by row."""
Types = dict[str, set[str]]


def section(title: str, text: str = DOCUMENT) -> str:
    """What stands under a heading, up to the next one of its level."""
    level = title.partition(" ")[0]
    found = re.search(rf"^{re.escape(title)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.M | re.S)
    assert found, f"docs/commands.md has no heading {title!r}"
    return found[1]


def tables(text: str) -> dict[str, Table]:
    """The tables of a text by the word that stands first in their head."""
    found: dict[str, Table] = {}
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines()]
        found[rows[0][0]] = rows[2:]
    return found


def exit_codes(command: type[Any]) -> dict[str, str]:
    """Code and meaning, as the command's own help has them."""
    text = command.doc_description.partition("Exit codes:")[2]
    if "doit help build" in text:
        return exit_codes(COMMANDS["build"])
    [_, *parts] = CODE.split(text.strip() if "\n  " not in text else text)
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return {code: " ".join(meaning.split()).strip(" .,;") for code, meaning in pairs}


def options(command: type[Any]) -> list[tuple[str, str]]:
    """Names and help, as the command's own class has them."""
    found = []
    for option in command.cmd_options:
        names = [
            f"`--{option['long']}`",
            *([f"`-{option['short']}`"] if option.get("short") else []),
        ]
        found.append((", ".join(names), option["help"] % {"default": option["default"]}))
    return found


def test_every_command_has_a_section_and_no_other_has() -> None:
    assert re.findall(r"^## doit (.*)$", DOCUMENT, re.M) == sorted(COMMANDS)


def test_every_command_has_a_place_in_the_list_of_doit_help() -> None:
    groups = {name: getattr(command, "group", "") for name, command in COMMANDS.items()}
    assert {name for name, group in groups.items() if not group} == {"help"}
    assert set(groups.values()) == set(GROUPS)


def head(name: str) -> str:
    """What has to stand under the heading of a command, before its JSON documents."""
    command = COMMANDS[name]
    prose = command.doc_description.partition("Exit codes:")[0].strip("\n")
    parts = [
        f"{command.doc_purpose[0].upper()}{command.doc_purpose[1:]}.",
        "```\n" + f"doit {name} {command.doc_usage}".rstrip() + "\n```",
        *([prose] if prose else []),
        table(("option", "meaning"), options(command)),
        table(("exit code", "meaning"), [(f"`{c}`", m) for c, m in exit_codes(command).items()]),
    ]
    return "\n\n".join(filter(None, parts))


def table(titles: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [titles, ("---", "---"), *rows]
    text = "\n".join(f"| {a} | {b} |" for a, b in lines) if rows else ""
    return text.replace("| --- | --- |", "|---|---|")


@pytest.mark.parametrize("name", COMMANDS)
def test_usage_options_and_exit_codes_are_those_of_the_program(name: str) -> None:
    text = section(f"## doit {name}").partition("\n### ")[0].strip()
    assert text == head(name), f"docs/commands.md has to say under doit {name}:\n\n{head(name)}"
    command = COMMANDS[name]
    words = set(re.findall(r"(?<![-\w])--?[a-z][-\w]*", command.doc_usage))
    names = {name for row in options(command) for name in re.findall(r"`(.*?)`", row[0])}
    assert words <= names


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    loader = SimpleNamespace(cmd_options=())
    assert (
        COMMANDS[name](task_loader=loader, config={}, cmds=PluginDict()).parse_execute(["--bogus"])
        == 3
    )
    told = f"doit {name}: option --bogus not recognized; see `doit help {name}`\n"
    assert capsys.readouterr().err == told


def test_every_command_with_json_has_its_document_described() -> None:
    described = re.findall(r"^### `(doit .*?) --json`$", DOCUMENT, re.M)
    with_json = {n for n, c in COMMANDS.items() if any(o["long"] == "json" for o in c.cmd_options)}
    assert sorted(described) == sorted(EXAMPLES)
    assert {title.split(" ")[1] for title in described} == with_json


def test_every_command_that_reads_has_json() -> None:
    [listed] = re.findall(
        r"^Every command that reads has `--json`\. These act, and have none: (.*?)\.\s",
        DOCUMENT,
        re.M | re.S,
    )
    acting = {words.removeprefix("doit ") for words in re.findall(r"`(.*?)`", listed)}
    without = {n for n, c in COMMANDS.items() if all(o["long"] != "json" for o in c.cmd_options)}
    assert without == acting
    assert acting == {
        *("clean", "completion", "forget", "help", "mcp", "page", "send", "serve", "work"),
    }


def documented(text: str) -> dict[str, str]:
    """Types by key; `*` stands for the keys of a job."""
    job = [(key.strip("`"), kind) for key, kind, _ in tables(section("### A job"))["key"]]
    found: dict[str, str] = {}
    for key, kind, _ in tables(text)["key"]:
        name = key.strip("`")
        every = [(name[:-1] + own, own_kind) for own, own_kind in job]
        found |= dict(every) if name.endswith("*") else {name: kind}
    return found


def kind_of(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def walk(value: object, path: str, described: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(key, type) of all in a document; an object without described keys is not looked into."""
    if path:
        yield path, kind_of(value)
    if isinstance(value, list):
        for element in value:
            yield from walk(element, f"{path}[]", described)
    elif isinstance(value, Mapping):
        inside = f"{path}." if path else ""
        if any(key.startswith(inside) for key in described):
            for key, member in value.items():
                yield from walk(member, inside + key, described)


def check(document: Any, text: str) -> set[str]:
    """Whether a document is as the text says; the keys that it has."""
    prefix = "An array of objects, each with:" in text
    assert prefix == isinstance(document, list)
    described = {("[]." if prefix else "") + key: kind for key, kind in documented(text).items()}
    seen: Types = {}
    for key, kind in walk(document, "", described):
        seen.setdefault(key, set()).add(kind)
    for key, kinds in seen.items():
        if key in described:
            allowed = re.findall(r"null|boolean|number|string|array|object", described[key])
            assert kinds <= set(allowed[:1] + [k for k in allowed[1:] if k == "null"]), key
        elif key.endswith("[]") and key != "[]":
            elements = described[key.removesuffix("[]")].partition("array of ")[2]
            assert all(elements.startswith(kind) for kind in kinds), key
        else:
            assert key == "[]", f"{key} is not documented"
    for key, kind in described.items():
        parent = key.rpartition(".")[0]
        if "optional" not in kind and (not parent or "object" in seen.get(parent, ())):
            assert key in seen, f"{key} is documented, and not there"
    return set(seen) & set(described)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    made = Farm(tmp_path_factory.mktemp("farm"))
    made.set_up()
    fill(made)
    yield made
    made.end_all()


def printed_by(farm: Farm, *words: str) -> str:
    """What a command prints; the first line of one that runs until it is ended."""
    if words[0] != "watch":
        done = farm.doit(*words)
        assert done.stdout, done.stderr
        return done.stdout
    endless = farm.start(*words)
    assert endless.stdout
    line = endless.stdout.readline()
    endless.terminate()
    assert endless.wait(PATIENCE) == 0
    return line


@pytest.mark.parametrize("title", EXAMPLES)
def test_json_is_as_described(title: str, farm: Farm) -> None:
    text = section(f"### `{title} --json`")
    if "](#doit-build---json)" in text:
        text = section("### `doit build --json`")
    seen: set[str] = set()
    for words in EXAMPLES[title]:
        at = [str(farm.folder / w) if Path(w).suffix in {".yaml", ".d"} else w for w in words]
        printed = printed_by(farm, *at, "--json")
        seen |= check(json.loads(printed), text)
    prefix = "[]." if "An array of objects" in text else ""
    assert seen == {prefix + key for key in documented(text)}
    [example] = re.findall(r"^```json\n(.*?)^```$", text, re.M | re.S)
    assert check(json.loads(example), text)

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from doit.cmdparse import CmdOption, CmdParse

from common.cli.help_text import command_help, flow, two_columns


def option(name: str, **fields: Any) -> CmdOption:
    return CmdOption({"name": name, "long": name, "default": "", **fields})


def test_paragraphs_flow_and_lists_stay() -> None:
    text = """\
A paragraph whose lines end
where the source has them.

  --from STEP  this step and all steps
  --clean      all

Then:
  doit build
and on."""
    assert flow(text, 28).splitlines() == [
        "A paragraph whose lines end",
        "where the source has them.",
        "",
        "  --from STEP  this step and",
        "               all steps",
        "  --clean      all",
        "",
        "Then:",
        "  doit build",
        "and on.",
    ]
    assert flow(text, 80).splitlines()[0] == text.splitlines()[0] + " " + text.splitlines()[1]


def test_code_and_options_stay_on_one_line() -> None:
    assert flow("look at `doit build --job ID` and --dry-run", 22).splitlines() == [
        "look at",
        "`doit build --job ID`",
        "and --dry-run",
    ]


def test_a_name_too_long_for_its_column_has_a_line_of_its_own() -> None:
    rows = [("short", "one two three"), ("much-too-long", "text")]
    assert two_columns(rows, 6, 18) == [
        "  short   one two",
        "          three",
        "  much-too-long",
        "          text",
    ]


def test_a_command_shows_what_a_person_can_use() -> None:
    command = SimpleNamespace(
        name="sample",
        doc_usage="[-n NUMBER] [--shell SHELL | --continue]",
        doc_purpose="try something",
        doc_description="\n\nWords.\n\nExit codes: 0 done.\n",
        cmdparser=CmdParse(
            [
                option("db-file", section="DB backend"),
                option("codec", section="doit core"),
                option("file", section="task loader"),
                option("unnamed", long=""),
                option("many", short="n", type=int, help="how many [%(default)s]"),
                option("level", type=int, help="how far"),
                option("continue", type=bool, inverse="stop", help="go on"),
                option("shell", choices=[("bash", ""), ("zsh", "")], help="for SHELL"),
            ]
        ),
    )
    assert (
        command_help(command, 60)
        == """\
doit sample [-n NUMBER] [--shell SHELL | --continue]

Try something.

Words.

Options:
  -n, --many NUMBER  how many []
  --level N          how far
  --continue         go on
  --stop             opposite of --continue
  --shell SHELL      for SHELL
                     choices: bash, zsh

Exit codes: 0 done."""
    )

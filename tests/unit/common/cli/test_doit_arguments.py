from __future__ import annotations

from getopt import GetoptError
from types import SimpleNamespace

import pytest
from doit.cmdparse import CmdOption, CmdParse

from common.cli.doit_arguments import typed_words

FILE = {"name": "file", "short": "f", "long": "file", "type": str, "default": ""}
PARSER = CmdParse(
    [
        CmdOption(FILE),
        CmdOption({"name": "param", "long": "param", "type": list, "default": []}),
        CmdOption({"name": "json", "long": "json", "type": bool, "default": False}),
    ]
)
LOADER = SimpleNamespace(cmd_options=(FILE,))
PLAN = SimpleNamespace(name="plan", cmdparser=PARSER, loader=LOADER)


def words(line: str) -> list[str]:
    argv = line.split()
    shown = [word for word in argv[1:] if word.startswith("-") or "=" not in word]
    return typed_words(PLAN, shown[shown.index("plan") + 1 :], argv)


def test_what_doit_hides_is_there_and_options_come_first() -> None:
    assert words("doit plan x --param a=1 --json --param b=") == [
        "--param=a=1", "--json", "--param=b=", "--", "x",
    ]  # fmt: skip
    assert words("doit v=1 plan -f dodo.py x") == ["-f", "dodo.py", "--", "x"]
    assert words("doit -f dodo.py plan x --param a=1") == ["--param=a=1", "--", "x"]


def test_a_call_from_another_program_is_taken_as_it_is() -> None:
    assert typed_words(PLAN, ["x", "--json"], ["pytest", "-x"]) == ["--json", "--", "x"]


def test_an_unknown_option_is_an_error() -> None:
    with pytest.raises(GetoptError, match="option --jsom not recognized"):
        words("doit plan x --jsom")


@pytest.mark.parametrize("line", ["-f a -f b", "-f a --file b", "--fil a --file=a"])
def test_one_value_of_two_is_not_chosen_in_silence(line: str) -> None:
    with pytest.raises(GetoptError, match="may be given only once"):
        words(f"doit plan x {line}")

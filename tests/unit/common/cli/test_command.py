from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from doit.cmd_base import opt_seek_file
from doit.exceptions import InvalidDodoFile

from common.cli.command import OPTION_JSON, Command, given_params
from common.errors import ApplicationError, UsageError

LOADER = SimpleNamespace(cmd_options=(opt_seek_file,))


class _Placed(ApplicationError):
    exit_code = 7
    names_place = True


class _Sample(Command):
    name = "sample"
    cmd_options: tuple[dict[str, Any], ...] = (
        OPTION_JSON,
        {"name": "many", "long": "many", "type": int, "default": 1},
    )

    def __init__(self, outcome: BaseException | int = 0) -> None:
        super().__init__(task_loader=LOADER, config={})
        self._outcome = outcome

    def execute(self, params: Any, args: list[str]) -> int:
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome


class _WithoutJson(_Sample):
    cmd_options = ()


@pytest.mark.parametrize(
    ("outcome", "code", "line"),
    [
        (ApplicationError("x is gone"), 1, "doit sample: x is gone"),
        (UsageError("expected \x1b[31mx\x07"), 3, "doit sample: expected x␇"),
        (_Placed("p.yaml:3:1: unknown key"), 7, "p.yaml:3:1: unknown key"),
        (InvalidDodoFile("p.yaml:3:1: unknown key\n"), 3, "p.yaml:3:1: unknown key"),
        (OSError(28, "No space left"), 1, "doit sample: No space left"),
        (OSError(28, "No space left", "/srv"), 1, "doit sample: No space left: /srv"),
        (KeyboardInterrupt(), 130, "doit sample: interrupted"),
        (5, 5, ""),
    ],
)
def test_an_error_is_one_line_and_its_exit_code(
    outcome: BaseException | int, code: int, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _Sample(outcome).parse_execute([]) == code
    assert capfd.readouterr() == ("", f"{line}\n" if line else "")


def test_with_json_an_error_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert _Sample(_Placed("p.yaml:3:1: naïve")).parse_execute(["--json"]) == 7
    assert json.loads(capsys.readouterr().err) == {"error": "p.yaml:3:1: naïve", "exit_code": 7}
    assert _Sample().parse_execute(["--json", "--many=x"]) == 3
    found = {"error": "--many expects a number", "exit_code": 3}
    assert json.loads(capsys.readouterr().err) == found
    assert _WithoutJson().parse_execute(["--json"]) == 3
    assert capsys.readouterr().err.startswith("doit sample: option --json not recognized")


def test_a_defect_is_shown_whole() -> None:
    with pytest.raises(ZeroDivisionError):
        _Sample(ZeroDivisionError()).parse_execute([])


def test_a_bad_variable_names_the_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOIT_SEEK_FILE", "perhaps")
    assert _Sample().parse_execute([]) == 3
    assert capsys.readouterr().err == "doit sample: DOIT_SEEK_FILE expects yes or no\n"


def test_params_have_a_name_and_one_value() -> None:
    assert given_params(["a=1", "b=", "c=x=y"]) == {"a": "1", "b": "", "c": "x=y"}
    for words, problem in (
        (["a=1", "a=2"], "--param a may be given only once"),
        (["a=1", "a=1"], "--param a may be given only once"),
        (["a"], "--param expects NAME=VALUE, found 'a'"),
        (["=1"], "--param expects NAME=VALUE, found '=1'"),
    ):
        with pytest.raises(UsageError) as raised:
            given_params(words)
        assert str(raised.value) == problem

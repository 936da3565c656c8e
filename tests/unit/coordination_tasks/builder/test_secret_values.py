from __future__ import annotations

from pathlib import Path

import pytest

from coordination_tasks.builder.secret_values import Secrets
from coordination_tasks.domain.errors import BadConfiguration


def secrets_file(folder: Path, text: str = "TOKEN: from-file\nNUMBER: 12345\n") -> Path:
    path = folder / "secrets.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    secrets = Secrets({"TOKEN": "from-environment"}, secrets_file(tmp_path))
    assert secrets.values(["TOKEN", "NUMBER"]) == {"TOKEN": "from-environment", "NUMBER": "12345"}


def test_what_is_missing_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = secrets_file(tmp_path)
    problem = Secrets({"EMPTY": ""}, path).lacks(["TOKEN", "EMPTY"])
    assert problem == (f"missing secret EMPTY: set it in the environment of doit, or in {path}")
    with pytest.raises(BadConfiguration, match="missing secret OTHER"):
        Secrets({}, None).values(["OTHER"])
    assert "too short" in str(Secrets({"A": "abc"}, None).lacks(["A"]))
    assert Secrets({}, None).lacks([]) is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o610])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = secrets_file(tmp_path)
    path.chmod(mode)
    with pytest.raises(BadConfiguration, match=f"mode {mode:03o}.*with mode 600") as error:
        Secrets({}, path)
    assert "from-file" not in str(error.value)


def test_a_file_in_a_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "deep").mkdir()
    with pytest.raises(BadConfiguration, match="must not be in a repository"):
        Secrets({}, secrets_file(tmp_path / "deep"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("TOKEN: [hidden-value]\n", "secrets.yaml:1:8: TOKEN: expected text"),
        ("- hidden-value\n", "secrets.yaml:1:1: "),
        ("TOKEN: {a: hidden-value\n", "secrets.yaml:2:1: not valid YAML"),
        ("TOKEN: !!python/object hidden-value\n", "is not allowed"),
    ],
)
def test_a_broken_file_is_told_without_its_values(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadConfiguration) as error:
        Secrets({}, secrets_file(tmp_path, text))
    assert message in str(error.value)
    assert "hidden-value" not in str(error.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="No such file"):
        Secrets({}, tmp_path / "none")
    with pytest.raises(BadConfiguration, match="regular file"):
        Secrets({}, tmp_path)

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from installation.choices import as_text, made_choices
from installation.files import CHOICES_FILE, Choices
from installation.machine import Machine, UsageError
from installation.ssh_access import SshHost, ssh_host

GIVEN = Choices(builder="build1", repository="git@example.org:farm.git", user="builder")


def options(**given: str) -> argparse.Namespace:
    names = ("builder", "repository", "user", "default_pipeline", "manager", "address")
    return argparse.Namespace(**{name: given.get(name, "") for name in names})


@pytest.fixture
def image(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)


def keep(machine: Machine, choices: Choices) -> None:
    machine.write(CHOICES_FILE, as_text(choices), mode=0o644, owner=None)


def test_the_next_call_needs_no_options(image: Machine) -> None:
    keep(image, GIVEN)
    assert made_choices(image, options()) == GIVEN
    assert made_choices(image, options(builder="build1")) == GIVEN


def test_another_choice_than_the_installed_one_is_refused(image: Machine) -> None:
    keep(image, GIVEN)
    with pytest.raises(UsageError, match=r"--builder was 'build1' .* 'build2' now"):
        made_choices(image, options(builder="build2"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "--builder is missing"),
        ({"builder": "build1"}, "--repository is missing"),
        ({"builder": "-x", "repository": "r"}, "invalid builder id '-x'"),
        ({"builder": "b", "repository": "r", "user": "root"}, "an ordinary user"),
        ({"builder": "b", "repository": "r", "user": "a b"}, "an ordinary user"),
        ({"builder": "b", "repository": "r\nx"}, "cannot be printed"),
        ({"builder": "b", "repository": "https://me:tok@x/y"}, "has a password"),
    ],
)
def test_a_bad_choice_is_named(image: Machine, given: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        made_choices(image, options(**given))


def test_a_broken_file_is_named(image: Machine) -> None:
    image.write(CHOICES_FILE, "{", mode=0o644, owner=None)
    with pytest.raises(UsageError, match=r"installation\.json is not valid JSON"):
        made_choices(image, options())


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("git@example.org:farm.git", SshHost("example.org")),
        ("example.org:farm.git", SshHost("example.org")),
        ("ssh://git@example.org/farm.git", SshHost("example.org")),
        ("ssh://git@example.org:2222/farm.git", SshHost("example.org", 2222)),
        ("ssh://[::1]:22/farm.git", SshHost("::1")),
        ("https://example.org/farm.git", None),
        ("/srv/farm.git", None),
        ("./a:b", None),
    ],
)
def test_the_ssh_server_of_an_address(address: str, host: SshHost | None) -> None:
    assert ssh_host(address) == host


def test_an_address_without_a_real_port_is_refused() -> None:
    with pytest.raises(UsageError, match="invalid address"):
        ssh_host("ssh://example.org:99999999/x")

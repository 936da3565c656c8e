"""requirements/ fits pyproject.toml; scripts/lock makes it anew."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import HOME

PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text())
RUNTIME = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
DEV = [*RUNTIME, *PROJECT["project"]["optional-dependencies"]["dev"]]
ENTRY = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; .+)?(?: \\\n    --hash=sha256:\w{64})+$",
    re.MULTILINE,
)


def pins(file: str) -> dict[str, str]:
    text = (HOME / "requirements" / file).read_text()
    return {found["name"]: found["version"] for found in ENTRY.finditer(text)}


def unmet(requirements: list[str], pinned: dict[str, str]) -> Iterator[str]:
    for requirement in map(Requirement, requirements):
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None or version not in requirement.specifier:
            yield f"{requirement}: {version} is locked; run scripts/lock"


@pytest.mark.parametrize(("file", "wanted"), [("runtime.txt", RUNTIME), ("dev.txt", DEV)])
def test_the_lock_has_a_fitting_version_of_each_requirement(file: str, wanted: list[str]) -> None:
    assert not list(unmet(wanted, pins(file)))


@pytest.mark.parametrize("file", ["runtime.txt", "dev.txt"])
def test_every_entry_is_pinned_by_hash_and_names_no_place(file: str) -> None:
    text = (HOME / "requirements" / file).read_text()
    assert not ENTRY.sub("", re.sub(r" *#.*", "", text)).strip()
    assert "://" not in text
    assert "@" not in text


def test_builders_run_what_the_tests_ran() -> None:
    assert pins("runtime.txt").items() <= pins("dev.txt").items()

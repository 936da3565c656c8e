from __future__ import annotations

from pathlib import Path

import pytest

from coordination_tasks.builder_config import pipelines_file, read_builder_config
from coordination_tasks.errors import BadConfiguration

FILE = """
builder: build7
coordination_repository: ../farm.git
state_dir: state
labels: {jdk: 17}
env: {A: 1.10}
pass_env: TOKEN
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "builder.yaml").write_text(FILE)
    return tmp_path


def test_the_file_alone(home: Path) -> None:
    config = read_builder_config(home, {"TOKEN": "t", "SECRET": "s", "PATH": "/bin"})
    assert config.profile.id == "build7"
    assert config.profile.labels == {"jdk": "17"}
    assert config.coordination_repository == str(home.parent / "farm.git")
    assert config.state_dir == home / "state" / "build7"
    assert config.env == {"A": "1.10", "TOKEN": "t", "PATH": "/bin"}


def test_environment_wins_over_the_file_and_the_flag_over_both(home: Path) -> None:
    environment = {
        "BUILDER_ID": "build8",
        "COORDINATION_REPOSITORY": "git@example.org:farm.git",
        "BUILDER_STATE_DIR": "/var/lib/farm",
    }
    config = read_builder_config(home, environment)
    assert config.profile.id == "build8"
    assert config.coordination_repository == "git@example.org:farm.git"
    assert config.state_dir == Path("/var/lib/farm/build8")
    assert read_builder_config(home, environment, "build9").profile.id == "build9"


def test_another_file_can_be_named_and_gives_the_folder_of_its_paths(home: Path) -> None:
    other = home / "farm" / "b.yaml"
    other.parent.mkdir()
    other.write_text("coordination_repository: ./c.git\npipelines_file: p.yaml\n")
    environment = {"BUILDER_CONFIG": str(other), "BUILDER_ID": "b"}
    assert read_builder_config(home, environment).coordination_repository == str(
        home / "farm" / "c.git"
    )
    assert pipelines_file(home, environment) == home / "farm" / "p.yaml"


def test_without_any_file_the_pipelines_beside_dodo_count(tmp_path: Path) -> None:
    assert pipelines_file(tmp_path, {}) == tmp_path / "pipelines.yaml"


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"BUILDER_ID": "../evil"}, "'../evil' can't be a builder's id"),
        ({"BUILDER_ID": "-x"}, "can't be a builder's id"),
        ({"BUILDER_CONFIG": "/nowhere.yaml"}, "/nowhere.yaml:1:1: can't be read"),
    ],
)
def test_bad_values(home: Path, environment: dict[str, str], message: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        read_builder_config(home, environment)
    assert message in str(caught.value)


def test_no_repository_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        BadConfiguration, match=r"set coordination_repository .* scripts/quickstart"
    ):
        read_builder_config(tmp_path, {})

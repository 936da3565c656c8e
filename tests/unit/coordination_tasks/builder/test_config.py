from __future__ import annotations

from pathlib import Path

import pytest

from common.settings.sandbox import Access, SandboxKind
from coordination_tasks.builder.config.builder import (
    BuilderConfig,
    pipelines_file,
    read_builder_config,
)
from coordination_tasks.domain.errors import BadConfiguration

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
        ({"BUILDER_ID": "../evil"}, "invalid builder id '../evil'"),
        ({"BUILDER_ID": "-x"}, "invalid builder id"),
        ({"HEARTBEAT_BRANCH": "a b"}, "HEARTBEAT_BRANCH: invalid branch 'a b'"),
        ({"BUILDER_CONFIG": "/nowhere.yaml"}, "/nowhere.yaml:1:1: cannot be read"),
    ],
)
def test_bad_values(home: Path, environment: dict[str, str], message: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        read_builder_config(home, environment)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("heartbeat: {branch: 'a b'}", ":2:21: branch: invalid branch 'a b'"),
        ("heartbeat: {branch: a/}", ":2:21: branch: invalid branch 'a/'"),
        ("env: {'A=B': x}", ":2:7: invalid variable name 'A=B'"),
        ("env: {'': x}", ":2:7: invalid variable name ''"),
        ('env: {A: "a\\0b"}', ":2:10: text must not contain a NUL character"),
        ('env: {"A\\0": b}', ":2:7: text must not contain a NUL character"),
        ("parallel: 1000000", ":2:11: parallel: expected 256 or less"),
    ],
)
def test_what_would_end_a_claimed_job_is_told_with_its_place(
    tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "builder.yaml").write_text(f"coordination_repository: ./c.git\n{text}\n")
    with pytest.raises(BadConfiguration) as caught:
        read_builder_config(tmp_path, {}, "build7")
    assert told in str(caught.value)


@pytest.mark.parametrize("key", ["state_dir", "secrets_file", "pipelines_file", "lock_dir"])
def test_a_home_folder_that_nobody_has(home: Path, key: str) -> None:
    text = (home / "builder.yaml").read_text()
    lines = [line for line in text.splitlines() if not line.startswith(f"{key}:")]
    (home / "builder.yaml").write_text("\n".join([*lines, f"{key}: ~no-such-user/x", ""]))

    with pytest.raises(BadConfiguration, match=r"~no-such-user/x: .* write the full path"):
        read_builder_config(home, {})


def test_no_repository_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        BadConfiguration, match=r"Set coordination_repository .* scripts/quickstart"
    ):
        read_builder_config(tmp_path, {})


def test_labels_of_the_file_win_over_those_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "builder.yaml").write_text(
        "builder: b\ncoordination_repository: ./c.git\nlabels: {jdk: 11, gpu: ''}\n"
    )
    found = read_builder_config(tmp_path, {}, found_labels={"jdk": "17", "arch": "amd64"})
    assert found.profile.labels == {"jdk": "11", "arch": "amd64", "gpu": ""}


def heartbeat(tmp_path: Path, text: str = "", **environment: str) -> BuilderConfig:
    (tmp_path / "builder.yaml").write_text(f"coordination_repository: ./c.git\n{text}\n")
    return read_builder_config(tmp_path, environment, "build7")


def test_heartbeats_by_default(tmp_path: Path) -> None:
    found = heartbeat(tmp_path)
    assert found.heartbeat.place == "heartbeat-build7"
    assert (found.heartbeat.building, found.heartbeat.waiting, found.heartbeat.idle) == (
        30,
        60,
        240,
    )
    assert (found.lease, found.observe_every, found.pushes_per_minute) == (300, 30, 6)
    assert (found.profile.heartbeats_at, found.profile.lease) == ("heartbeat-build7", 300)


@pytest.mark.parametrize(
    ("variable", "place"),
    [("1", "heartbeat-build7"), ("auto", "heartbeat-build7"), ("main", "main"), ("hb/x", "hb/x")],
)
def test_the_variable_names_the_branch_as_it_does_today(
    tmp_path: Path, variable: str, place: str
) -> None:
    found = heartbeat(tmp_path, "heartbeat: {branch: other}", HEARTBEAT_BRANCH=variable)
    assert found.heartbeat.place == place
    assert heartbeat(tmp_path, "heartbeat: {branch: other}").heartbeat.place == "other"


def test_only_every_so_manieth_beat_is_pushed(tmp_path: Path) -> None:
    found = heartbeat(tmp_path, HEARTBEAT_PUSH_EVERY="5")
    assert (found.heartbeat.building, found.heartbeat.idle) == (150, 1200)


@pytest.mark.parametrize(
    ("text", "variables", "told"),
    [
        (
            "",
            {"HEARTBEAT_PUSH_EVERY": "0"},
            "HEARTBEAT_PUSH_EVERY: expected an integer of 1 or more, found '0'",
        ),
        ("", {"HEARTBEAT_PUSH_EVERY": "often"}, "expected an integer of 1 or more"),
        ("", {"HEARTBEAT_PUSH_EVERY": "6"}, "every 180 s is too rare for a lease of 300 s"),
        ("lease: 50s", {}, "too rare"),
        ("pushes_per_minute: 0.1", {}, "every 600 s is too rare"),
        ("pushes_per_minute: 0", {}, "expected more than 0"),
        ("heartbeat: {push_every: 0}", {}, "expected 1 or more"),
        ("heartbeat: {bulding: 30s}", {}, "building"),
    ],
)
def test_what_would_make_a_living_builder_look_dead_is_refused(
    tmp_path: Path, text: str, variables: dict[str, str], told: str
) -> None:
    with pytest.raises(BadConfiguration, match=told):
        heartbeat(tmp_path, text, **variables)


def test_steps_never_see_what_is_the_builders_alone(home: Path) -> None:
    (home / "builder.yaml").write_text(
        "coordination_repository: file:///srv/farm.git\nstate_dir: state\n"
        "secrets_file: s.yaml\nsigning_key: k\nsandbox: bwrap\n"
        "destinations: {stable: {apt: apt, signing_key: K, gnupg_home: gpg}}\n"
        "sandbox_paths: {~/.sdkman: read, /srv/apt: write}\n"
    )
    sandbox = read_builder_config(home, {"BUILDER_ID": "b"}).sandbox
    assert sandbox.kind is SandboxKind.BWRAP
    assert sandbox.paths == {
        Path("~/.sdkman").expanduser(): Access.READ,
        Path("/srv/apt"): Access.WRITE,
    }
    names = ("builder.yaml", "pipelines.yaml", "s.yaml", "state", "k", "apt", "gpg")
    assert set(sandbox.hidden) == {*(home / name for name in names), Path("/srv/farm.git")}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("destinations: {a: {s3: UP}}", "s3: expected `BUCKET` or `BUCKET/PREFIX`, found 'UP'"),
        ("destinations: {a: {folder: x, ssh: h}}", "`ssh` needs an absolute `folder`"),
        ("destinations: {a: {folder: /x, s3: up}}", "expected one of `apt`, `folder` and `s3`"),
        ("destinations: {a: {folder: /x, profile: p}}", "`profile` belong to `s3`"),
        ("sandbox: docker", "sandbox: expected bwrap or none"),
        ("sandbox_paths: {/srv: yes}", "/srv: expected read or write"),
        ("sandbox_paths: {apt: read}", "expected a full path, or one from ~/ on, found 'apt'"),
        ("sandbox_paths: {/: read}", "expected a full path, or one from ~/ on, found '/'"),
    ],
)
def test_a_wrong_setting_is_said_with_its_line(home: Path, line: str, words: str) -> None:
    (home / "builder.yaml").write_text(f"coordination_repository: x\n{line}\n")
    with pytest.raises(BadConfiguration, match=r"builder\.yaml:2:") as caught:
        read_builder_config(home, {"BUILDER_ID": "b"})
    assert words in str(caught.value)

from __future__ import annotations

from pathlib import Path

import pytest

from coordination_tasks.builder.config.builder import source_of_pipelines
from coordination_tasks.domain.errors import BadConfiguration


def written(home: Path, text: str) -> Path:
    (home / "builder.yaml").write_text(text)
    return home


@pytest.mark.parametrize(
    ("repository", "is_it"),
    [
        ("ssh://git@host/farm/c.git", True),
        ("git@host:farm/c.git", True),
        ("host:/farm/c", True),
        ("https://me:word@HOST:8443/farm/c.git/", True),
        ("https://host/farm/other.git", False),
        ("/farm/c.git", False),
    ],
)
def test_the_coordination_repository_is_recognised_by_its_place(
    tmp_path: Path, repository: str, is_it: bool
) -> None:
    text = "coordination_repository: git@host:farm/c.git\npipelines_source: {repository: "
    source = source_of_pipelines(written(tmp_path, f"{text}'{repository}'}}\n"), {})
    assert source
    assert source.is_coordination is is_it


def test_paths_are_those_of_the_file(tmp_path: Path) -> None:
    text = "pipelines_source: {repository: ./p.git, branch: b, allowed_signers: keys}\nstate_dir: s"
    source = source_of_pipelines(written(tmp_path, text), {})
    assert source
    assert source.repository == str(tmp_path / "p.git")
    assert source.allowed_signers == tmp_path / "keys"
    assert source.folder.parent == tmp_path / "s" / ".pipelines"


def test_a_file_from_the_environment_comes_first(tmp_path: Path) -> None:
    home = written(tmp_path, "pipelines_source: {repository: ./p.git}\n")
    assert source_of_pipelines(home, {"PIPELINES_FILE": "mine.yaml"}) is None


def test_two_origins_are_refused(tmp_path: Path) -> None:
    home = written(tmp_path, "pipelines_source: {repository: p}\npipelines_file: pipelines.yaml\n")
    with pytest.raises(BadConfiguration, match="exclude each other"):
        source_of_pipelines(home, {})


@pytest.mark.parametrize("path", ["../x.yaml", "/etc/x.yaml", "''"])
def test_the_file_is_inside_the_repository(tmp_path: Path, path: str) -> None:
    home = written(tmp_path, f"pipelines_source: {{repository: p, path: {path}}}\n")
    with pytest.raises(BadConfiguration, match="expected a path inside the repository"):
        source_of_pipelines(home, {})

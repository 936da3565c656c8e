"""Secrets of steps are in no file that another user can read, and in no record."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.conftest import Farm

SECRET = "s3cret-of-this-test"


@pytest.fixture
def secretive(farm: Farm) -> Farm:
    config = farm.folder / "builder.yaml"
    config.write_text(f"{config.read_text()}secrets_file: ./secrets.yaml\n")
    secrets = farm.folder / "secrets.yaml"
    secrets.write_text(f"TOKEN: {SECRET}\n")
    secrets.chmod(0o600)
    return farm


def with_secret(farm: Farm, steps: str) -> None:
    farm.pipeline(steps)
    file = farm.folder / "pipelines.yaml"
    file.write_text(file.read_text().replace("    source:", "    secrets: [TOKEN]\n    source:"))


def files_with_secret(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [path for path in files if SECRET.encode() in path.read_bytes()]


def test_the_state_is_for_nobody_but_its_user(secretive: Farm) -> None:
    with_secret(
        secretive,
        """
- name: uses
  env: {TOKEN: "${{ secrets.TOKEN }}"}
  values: [length]
  run: |
    echo "token: $TOKEN"
    echo "length=${#TOKEN}" >> $STEP_OUTPUT
""",
    )
    mask = os.umask(0o022)
    try:
        (secretive.folder / "state/build1").mkdir(parents=True, mode=0o755)
        secretive.enqueue()
        assert secretive.doit("build").returncode == 0
    finally:
        os.umask(mask)
    state = secretive.folder / "state/build1"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert files_with_secret(state) == []
    assert secretive.doit("try", "ledger", "--dir", str(secretive.source)).returncode == 0
    assert files_with_secret(state) == []


@pytest.mark.parametrize(
    "value", ["$TOKEN", "https://x:$TOKEN@host/", "$(echo -n $TOKEN | base64)"]
)
def test_a_value_with_a_secret_is_refused(secretive: Farm, value: str) -> None:
    with_secret(
        secretive,
        f"""
- name: tells
  env: {{TOKEN: "${{{{ secrets.TOKEN }}}}"}}
  values: [url]
  run: echo "url={value}" >> $STEP_OUTPUT
""",
    )
    job = secretive.enqueue()
    assert secretive.doit("build").returncode == 1
    assert "value url contains secret TOKEN" in secretive.job(job)["reason"]
    root = secretive.folder / "state/build1/jobs" / job
    assert files_with_secret(root / "stamps") == []
    assert SECRET not in secretive.read("coordination/jobs.json")

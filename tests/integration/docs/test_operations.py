"""docs/operations.md: its commands, settings, units and shell commands do what the page says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common.records import read_record, record
from common.yaml.document import parse_document
from coordination_tasks.builder.config.builder import BuilderFile
from tests.conftest import HOME, Farm, git
from tests.integration.docs.test_commands_documented import tables

DOCUMENT = (HOME / "docs" / "operations.md").read_text()
UNITS = re.findall(r"^```ini (\S+)\n(.*?)^```$", DOCUMENT, re.M | re.S)


def block(kind: str, name: str) -> str:
    [found] = re.findall(rf"^```{kind} {name}\n(.*?)^```$", DOCUMENT, re.M | re.S)
    return str(found)


def test_settings_have_the_defaults_that_are_told() -> None:
    rows = tables(DOCUMENT)["setting"]
    assert len(rows) > 10
    for setting, default, _ in rows:
        outer, _, inner = setting.strip("`").partition(".")
        value = default.strip("`")
        text = f"{outer}: {{{inner}: {value}}}" if inner else f"{outer}: {value}"
        assert (
            read_record(record(BuilderFile), parse_document(text.encode(), setting))
            == BuilderFile()
        ), text


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
@pytest.mark.parametrize(("name", "unit"), UNITS)
def test_units_are_valid(name: str, unit: str, tmp_path: Path) -> None:
    path = tmp_path / name
    here = str(Path(sys.executable).parent)
    unit = unit.replace("/srv/build-coordination/.venv/bin", here)
    path.write_text(unit.replace("/srv/build-coordination", str(HOME)))
    verified = subprocess.run(
        ["systemd-analyze", "verify", path], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_a_backup_of_a_heartbeat_branch_can_be_restored(farm: Farm) -> None:
    for text in ("1", "2"):
        farm.write("build1/heartbeat.json", text)
    bare = str(farm.coordination)
    git("-C", bare, "branch", "heartbeat-build1", "main")
    before = git("-C", bare, "rev-parse", "main")
    squashed = farm.doit("squash-heartbeat", "--backup")
    backup = squashed.stdout.split()[-1]
    assert git("-C", bare, "rev-list", "--count", "heartbeat-build1") == "1"
    env = {"URL": bare, "BACKUP": backup, "BRANCH": "heartbeat-build1", "PATH": "/usr/bin:/bin"}
    for name in ("restore", "remove"):
        script = block("bash", name)
        subprocess.run(["sh", "-ec", script], cwd=farm.folder, env=env, check=True)
    assert git("-C", bare, "rev-parse", "heartbeat-build1") == before
    assert git("-C", bare, "branch", "--list", "backup/*") == ""


def test_a_builders_own_clone_brings_back_a_rewound_main(farm: Farm) -> None:
    farm.write("README", "x")
    farm.enqueue()
    bare = str(farm.coordination)
    git("-C", bare, "update-ref", "refs/heads/main", "main~1")
    told = farm.doit("fsck")
    assert (told.returncode, "doit recover --from-clone" in told.stdout) == (6, True)
    recovered = farm.doit("recover", "--from-clone", "--write")
    assert "written: main has these facts again" in recovered.stdout, recovered.stderr
    assert farm.doit("fsck").returncode == 0

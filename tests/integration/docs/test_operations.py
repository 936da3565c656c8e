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
from tests.support.coordination.loopback import ssh_server

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


def shell(name: str, folder: Path, **variables: str) -> str:
    """What a block of the page prints."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **variables}
    done = subprocess.run(
        ["sh", "-ec", block("bash", name)],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_a_key_is_changed_without_a_gap(farm: Farm, tmp_path: Path) -> None:
    farm.enqueue()
    with ssh_server(farm.folder, tmp_path / "keys") as server:
        words = {
            "BUILDER_ID": "build1",
            "KEY": str(server.keys / "key"),
            "URL": f"{server.address}/{farm.coordination.name}",
            "SSH": f"ssh -F /dev/null -o BatchMode=yes -o IdentityAgent=none"
            f" -o UserKnownHostsFile={server.keys / 'known_hosts'}",
        }
        shell("new-key", tmp_path, **words)
        with pytest.raises(subprocess.CalledProcessError):
            shell("check-key", tmp_path, **words)
        allowed = server.keys / "authorized_keys"
        old = allowed.read_text()
        allowed.write_text(old + (server.keys / "key.new.pub").read_text())
        assert "refs/heads/main" in shell("check-key", tmp_path, **words)
        shell("swap-key", tmp_path, **words)
        allowed.write_text((server.keys / "key.pub").read_text())
        environment = {"COORDINATION_REPOSITORY": words["URL"], "GIT_SSH_COMMAND": server.command()}
        build = farm.start("build", environment=environment)
        out, err = build.communicate(timeout=180)
        assert build.returncode == 0, out + err


def test_a_repository_is_brought_back_from_a_backup(farm: Farm, tmp_path: Path) -> None:
    words = {"URL": str(farm.coordination), "SINCE": "2000-01-01"}
    first = farm.enqueue()
    shell("first-backup", tmp_path, **words)
    assert farm.doit("build").returncode == 0
    shell("backup", tmp_path, **words)
    later = farm.enqueue()
    assert farm.doit("build").returncode == 0
    assert "build1: " in shell("written-since", tmp_path, **words)

    shutil.rmtree(farm.coordination)
    git("init", "--quiet", "--bare", "--initial-branch=main", str(farm.coordination))
    shell("bring-back", tmp_path, **words)

    assert farm.job(first)["status"] == "completed"
    assert "the history was rewritten" in farm.doit("jobs").stderr
    assert farm.doit("recover", "--from-clone", "--write").returncode == 0
    assert farm.job(later)["status"] == "completed"
    assert farm.doit("fsck").returncode == 0

    git("-C", str(farm.coordination), "update-ref", "refs/heads/main", "main~1")
    with pytest.raises(subprocess.CalledProcessError):
        shell("backup", tmp_path, URL=str(farm.coordination))
        git("-C", str(farm.coordination), "update-ref", "refs/heads/main", "main~1")
        shell("backup", tmp_path, URL=str(farm.coordination))

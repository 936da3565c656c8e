"""A builder reads private sources with files that its own settings name, by http and by ssh."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Farm, git
from tests.support.coordination.loopback import http_server, ssh_server
from tests.support.coordination.ssh_server import is_possible

TOKEN = "t0k3n-of-the-test"


def source(farm: Farm, address: str) -> None:
    file = farm.folder / "pipelines.yaml"
    file.write_text(file.read_text().replace("repository: ./source.git", f"repository: {address}"))


def credentials(farm: Farm, start: str, settings: str) -> None:
    file = farm.folder / "builder.yaml"
    before = file.read_text().partition("source_credentials")[0]
    file.write_text(f'{before}source_credentials: {{"{start}": {settings}}}\n')


def token(farm: Farm, text: str) -> Path:
    path = farm.folder / "token"
    path.write_text(f"{text}\n")
    path.chmod(0o600)
    return path


def build(farm: Farm) -> tuple[int, str]:
    """Exit code of a build, and why its checkout ended so."""
    job = farm.enqueue("--commit", farm.commit)
    code = farm.doit("build", "--job", job).returncode
    ends = [t for t in farm.transitions(job) if t["step"] == "git-checkout"]
    return code, str(ends[-1]["reason"])


def access(farm: Farm) -> dict[str, object]:
    checks = json.loads(farm.doit("doctor", "--json").stdout)
    [found] = [check for check in checks if check["check"] == "source access"]
    return dict(found)


def holds(folder: Path, text: str) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if text.encode() in path.read_bytes()]


def test_a_token_opens_a_source_and_is_nowhere_else(farm: Farm) -> None:
    farm.second("env; cat /proc/self/environ | tr '\\\\0' '\\\\n'; echo second >> $LEDGER")
    with http_server(farm.folder, f"git:{TOKEN}") as address:
        source(farm, f"{address}/source.git")
        assert build(farm)[0] == 1, "nobody gave it"
        path = token(farm, TOKEN)
        credentials(farm, f"{address}/", "{token_file: ./token}")
        assert farm.doit("enqueue", "--pipeline", "ledger", "--branch", "main").returncode == 0
        code, reason = build(farm)
        assert (code, reason.split()[0]) == (0, "checked"), reason
        assert holds(farm.folder, TOKEN) == [path]
        assert holds(farm.folder / "state", "BUILD_COORDINATION_SOURCES") == []
        assert access(farm)["ok"] is True

        token(farm, "wrong")
        told = access(farm)
        assert (told["ok"], f"refuses the token in {path}" in str(told["remedy"])) == (False, True)
        git("-C", str(farm.source), "commit", "--quiet", "--allow-empty", "-m", "next")
        git("-C", str(farm.source), "push", "--quiet", str(farm.folder / "source.git"), "main")
        farm.commit = git("-C", str(farm.source), "rev-parse", "main")
        assert f"it refuses the token in {path}. Replace it" in build(farm)[1]

        credentials(farm, f"{address}/", "{token_file: ./token, expires: 2020-01-31}")
        assert f"the token in {path} expired on 2020-01-31" in build(farm)[1]
        assert "expired on 2020-01-31" in str(access(farm)["remedy"])


@pytest.mark.skipif(not is_possible(), reason="this machine has no sshd")
def test_a_key_opens_a_source(farm: Farm, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    with ssh_server(farm.folder, keys) as server:
        source(farm, f"{server.address}/source.git")
        settings = f"{{ssh_key: {keys}/key, known_hosts: {keys}/known_hosts}}"
        credentials(farm, server.address, settings)
        assert build(farm)[0] == 0
        (keys / "authorized_keys").write_text("")
        told = access(farm)
        assert f"refuses the ssh key in {keys}/key" in str(told["remedy"])

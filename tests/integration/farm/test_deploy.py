"""A job of type `deploy` runs commands on another host, by a real sshd on the loopback."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import Farm
from tests.support.coordination.ssh_server import is_possible, ssh_server

pytestmark = pytest.mark.skipif(not is_possible(), reason="this machine has no sshd")
PIPELINES = """
pipelines:
  ship:
    description: bring a version to a host
    source: {repository: ./source.git}
    params: {word: {default: "a b; $(id)"}}
    for: {types: [deploy]}
    steps:
      - uses: git-checkout
      - name: ship
        uses: ssh
        timeout: 60s
        with: {host: HOST, command: COMMAND}
      - {uses: publish-status, when: always}
  other:
    description: no deployment
    source: {repository: ./source.git}
    steps: [{uses: git-checkout}, {uses: publish-status, when: always}]
"""


def pipelines(farm: Farm, command: str, host: str = "web1") -> None:
    text = PIPELINES.replace("HOST", host).replace("COMMAND", command)
    (farm.folder / "pipelines.yaml").write_text(text)


def settings(farm: Farm, address: str, keys: Path, known: str = "known_hosts") -> None:
    file = farm.folder / "builder.yaml"
    before = file.read_text().partition("ssh_hosts")[0]
    host = f"{{address: '{address}', key: {keys}/user, known_hosts: {keys}/{known}}}"
    file.write_text(f"{before}ssh_hosts: {{web1: {host}}}\n")


def deploy(farm: Farm) -> tuple[int, dict[str, object], str]:
    """Exit code, the end of the step, and its log."""
    words = ("--pipeline", "ship", "--branch", "main", "--type", "deploy")
    queued = farm.doit("enqueue", *words)
    assert queued.returncode == 0, queued.stderr
    job = queued.stdout.strip()
    done = farm.doit("build", "--job", job)
    [end] = [t for t in farm.transitions(job) if t["step"] == "ship" and t["to"] != "running"]
    log = farm.doit("logs", job, "ship")
    return done.returncode, end, log.stdout


def test_a_command_runs_on_the_host(farm: Farm, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    with ssh_server(keys) as address:
        settings(farm, address, keys)
        pipelines(farm, 'printf, "%s|", "${{ params.word }}", "*"'.join("[]"))
        code, end, log = deploy(farm)
        assert (code, end["reason"]) == (0, "printf succeeded on web1"), log
        assert "a b; $(id)|*|" in log

        pipelines(farm, "[sh, -c, 'echo no such app >&2; exit 3']")
        code, end, log = deploy(farm)
        assert (code, end["details"]["code"]) == (1, "COMMAND_FAILED")  # type: ignore[index]
        assert "sh on web1 ended with exit code 3" in str(end["reason"])
        assert "no such app" in log

        pipelines(farm, "['true']", host="web2")
        assert "unknown host 'web2' (known: web1)" in str(deploy(farm)[1]["reason"])

        pipelines(farm, "['true']")
        (keys / "wrong").write_text((keys / "known_hosts").read_text().replace("AAAA", "AAAB"))
        settings(farm, address, keys, known="wrong")
        assert "its key is not the known one" in str(deploy(farm)[1]["reason"])
        settings(farm, address, keys)
        shutil.copy(keys / "host", keys / "user")
        assert "does not accept this builder's key" in str(deploy(farm)[1]["reason"])
    code, end, _ = deploy(farm)
    assert end["details"]["code"] == "NETWORK"  # type: ignore[index]


def test_only_a_pipeline_that_says_so_deploys(farm: Farm) -> None:
    pipelines(farm, "['true']")
    words = ("--pipeline", "other", "--branch", "main", "--type", "deploy")
    refused = farm.doit("enqueue", *words)
    told = "pipeline other takes no jobs of type deploy (`for: {types: [deploy]}`)"
    assert (refused.returncode, told in refused.stderr) == (3, True)
    farm.write(
        "coordination/jobs.json",
        '{"jobs": [{"id": "d", "type": "deploy", "pipeline": "other", "branch": "main",'
        ' "status": "queued"}]}',
    )
    assert "pipeline other takes no jobs of type deploy" in farm.doit("build").stderr
    assert "pipeline other takes no jobs of type deploy" in farm.doit("explain").stdout

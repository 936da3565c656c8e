from __future__ import annotations

import shlex

import pytest

from common.records import Rejected
from common.settings.ssh_hosts import SshHost, ssh_host
from pipelines.steps.ssh import ssh_command


@pytest.mark.parametrize("address", ["web1", "me@web1", "ssh://me@web1:2222", "ssh://[::1]:22"])
def test_an_address(address: str) -> None:
    assert ssh_host({"address": address}).address == address


@pytest.mark.parametrize("address", ["", "-oProxyCommand=x", "a b", "me@web1:2222", "http://x"])
def test_no_address(address: str) -> None:
    with pytest.raises((Rejected, ValueError)):
        ssh_host({"address": address})


def test_arguments_reach_the_host_as_they_are() -> None:
    command = ("printf", "%s\n", "a b", "$(id)", "*; rm -rf /", "'")
    *_, dashes, address, remote = ssh_command(SshHost(address="me@web1"), command)
    assert (dashes, address) == ("--", "me@web1")
    assert tuple(shlex.split(remote)) == command


def test_a_host_with_files_of_its_own_trusts_no_others() -> None:
    host = SshHost(address="web1", key="/k", known_hosts="/a b/known")
    words = ssh_command(host, ("true",))
    assert 'UserKnownHostsFile="/a b/known"' in words
    assert {"GlobalKnownHostsFile=/dev/null", "IdentitiesOnly=yes"} <= set(words)
    assert words[words.index("-i") + 1] == "/k"
    assert "StrictHostKeyChecking=yes" in words

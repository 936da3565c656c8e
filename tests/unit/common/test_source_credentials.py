from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.records import Rejected
from common.settings.source_credentials import (
    SourceCredential,
    as_variable,
    credential_for,
    problem_of,
    source_credential,
    source_prefix,
)

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_the_longest_start_of_an_address_counts() -> None:
    env = as_variable({
        "https://host/": SourceCredential(token_file="/all"),
        "https://host/team": SourceCredential(token_file="/team"),
        "git@host:": SourceCredential(ssh_key="/key"),
    })  # fmt: skip
    for address, file in (
        ("https://host/other.git", "/all"),
        ("https://host/team/a.git", "/team"),
        ("https://host/team.git", "/team"),
        ("https://host/teams/a", "/all"),
        ("git@host:x/y.git", "/key"),
    ):
        found = credential_for(address, env)
        assert found is not None
        assert str(found.file) == file
    assert credential_for("https://hostile/x", env) is None
    assert credential_for("https://host/x", {}) is None


@pytest.mark.parametrize(
    "prefix", ["https://me:pw@host/", "http://host/", "ftp://host/", "/srv/x", "host"]
)
def test_no_start_of_an_address(prefix: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        source_prefix(prefix)


@pytest.mark.parametrize(
    "value",
    [{}, {"token_file": "t", "ssh_key": "k"}, {"token_file": "t", "expires": "soon"}, {"key": "k"}],
)
def test_no_credential(value: object) -> None:
    with pytest.raises((ValueError, Rejected)):
        source_credential(value)


def test_what_is_wrong_with_a_credential(tmp_path: Path) -> None:
    token = tmp_path / "token"
    found = source_credential({"token_file": str(token), "expires": "2026-11-30"})
    assert "cannot be read: No such file" in problem_of(found, NOON)
    token.touch(mode=0o600)
    assert problem_of(found, NOON) == f"the token in {token} is empty."
    token.write_text("t0k3n\n")
    assert problem_of(found, NOON) == "", "it is valid on its last day"
    later = NOON.replace(month=12, day=1)
    assert problem_of(found, later) == f"the token in {token} expired on 2026-11-30. Replace it."
    token.chmod(0o640)
    assert "can be read by others. Set its mode to 600." in problem_of(found, NOON)

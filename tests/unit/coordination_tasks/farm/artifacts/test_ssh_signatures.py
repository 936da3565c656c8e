"""Signatures that count, and why others do not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from coordination_tasks.domain.errors import BadConfiguration
from coordination_tasks.farm.artifacts.ssh_signatures import (
    SignatureRefused,
    check_signature,
    is_named,
    is_valid,
    key_fingerprint,
    read_signers,
    sign,
    signer_of,
)
from tests.support.ssh_keys import make_key

NAMESPACE = "manifest@build-coordination"
NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def signers(tmp_path: Path) -> Path:
    """The file of allowed signers, of build1 and build2."""
    path = tmp_path / "signers"
    lines = [
        'build1 valid-after="20250101",valid-before="20260101Z" '
        f"{make_key(tmp_path / 'one')} first key",
        f'build2,web* namespaces="{NAMESPACE}" {make_key(tmp_path / "two")}',
    ]
    path.write_text("# the farm\n\n" + "\n".join(lines) + "\n")
    return path


def check(signers: Path, key: str, *, by: str, at: datetime = NOW, data: bytes = b"x") -> str:
    signature = sign(signers.parent / key, NAMESPACE, b"x")
    assert "\n" not in signature
    return check_signature(signature, NAMESPACE, data, signers, by, at)


def test_the_builders_own_key_counts(signers: Path) -> None:
    assert check(signers, "one", by="build1") == key_fingerprint(signers.parent / "one")
    assert check(signers, "two", by="build2") == key_fingerprint(signers.parent / "two")
    assert check(signers, "two", by="web7")


def test_why_a_signature_does_not_count(signers: Path) -> None:
    make_key(signers.parent / "foreign")
    late, early = datetime(2026, 1, 2, tzinfo=UTC), datetime(2024, 12, 31, tzinfo=UTC)
    with pytest.raises(SignatureRefused, match="signed by an unknown key, SHA256:"):
        check(signers, "foreign", by="build1")
    with pytest.raises(SignatureRefused, match=r"by the key of build2,web\*, not by build1"):
        check(signers, "two", by="build1")
    with pytest.raises(SignatureRefused, match=r"was not valid at 2026-01-02 .*until 20260101"):
        check(signers, "one", by="build1", at=late)
    with pytest.raises(SignatureRefused, match=r"was not valid at 2024-12-31 .*from 20250101"):
        check(signers, "one", by="build1", at=early)
    with pytest.raises(SignatureRefused, match="not one of this content"):
        check(signers, "one", by="build1", data=b"y")
    for broken in ("", "AAAA", sign(signers.parent / "one", "other", b"x")):
        with pytest.raises(SignatureRefused, match="not one of this content"):
            check_signature(broken, NAMESPACE, b"x", signers, "build1", NOW)


def test_the_lines_of_the_file(signers: Path) -> None:
    first, second = read_signers(signers)
    assert (first.principals, first.comment) == ("build1", "first key")
    assert (first.after, first.before) == ("20250101", "20260101")
    assert first.fingerprint == key_fingerprint(signers.parent / "one")
    assert is_valid(first, NOW)
    assert not is_valid(first, datetime(2026, 1, 2, tzinfo=UTC))
    assert not is_valid(first, datetime(2024, 1, 1, tzinfo=UTC))
    assert is_valid(second, NOW)
    assert is_named("web1", second)
    assert not is_named("build1", second)


@pytest.mark.parametrize("line", ["build1", "ssh-ed25519 AAAA", "build1 ssh-ed25519 !", 'a "'])
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "signers"
    path.write_text(f"\n{line}\n")
    with pytest.raises(BadConfiguration, match=f"{path}:2: "):
        read_signers(path)


def test_a_key_that_cannot_sign(tmp_path: Path) -> None:
    make_key(tmp_path / "locked", passphrase="a long secret")
    for name in ("locked", "gone"):
        with pytest.raises(BadConfiguration, match=f"cannot sign with .*{name}"):
            sign(tmp_path / name, NAMESPACE, b"x")
    with pytest.raises(BadConfiguration, match="cannot read allowed_signers"):
        read_signers(tmp_path / "gone")


def test_a_signature_names_its_key(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    signature = sign(tmp_path / "key", "test", b"content")

    assert signer_of(signature) == key_fingerprint(tmp_path / "key")
    assert [signer_of(bad) for bad in ("", "x", signature[:24], "QUJD" * 9)] == [""] * 4

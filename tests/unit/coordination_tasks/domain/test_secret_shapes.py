"""Secrets of many shapes, made at random: nearly all are found, and none is told."""

from __future__ import annotations

import os
import random

import pytest

from coordination_tasks.domain.secret_contexts import context_rule, may_have_context
from coordination_tasks.domain.secret_formats import TOKEN_FORMATS
from coordination_tasks.domain.secret_scan import findings, refuse_secrets, withhold
from tests.support.coordination.secret_shapes import SHAPES, made_shapes

LEAST_FOUND = 0.95
SEED = int(os.environ.get("TEST_SEED", random.randrange(10**6)))
WHOLE = ("rsa", "pkcs8", "encrypted", "openssh", "pgp", "putty", "netrc lines")
IN_LINES = ("pem in lines of base64", "kubeconfig in lines of base64")


def test_nearly_all_shapes_are_found() -> None:
    missed = [name for name, text in made_shapes(random.Random(SEED)) if not any(findings(text))]
    assert len(SHAPES) >= 120
    assert len(missed) <= (1 - LEAST_FOUND) * len(SHAPES), f"TEST_SEED={SEED}: {missed}"


@pytest.mark.parametrize("name", [*WHOLE, *IN_LINES])
def test_a_secret_of_several_lines_is_withheld_as_a_whole(name: str) -> None:
    text = SHAPES[name](random.Random(SEED))
    kept = withhold(f"before\n{text}\nafter").split("\n")
    assert (kept[0], kept[-1]) == ("before", "after")
    told = [line for line in kept[1:-1] if not line.startswith("[withheld: ")]
    assert told == (["machine example.org"] if name == "netrc lines" else [])


def test_a_place_of_a_secret_has_a_trace_by_which_it_is_asked() -> None:
    for name, text in made_shapes(random.Random(SEED)):
        for line in text.split("\n"):
            assert context_rule(line) is None or may_have_context(line.casefold()), name


def test_each_format_says_where_it_is_documented() -> None:
    assert all(row.source and row.least > 0 for row in TOKEN_FORMATS)


def test_a_token_after_an_escaped_line_break_is_found() -> None:
    """So it stands in a JSON document."""
    token = "gh" + "p_" + "a1" * 18
    assert any(findings(f'{{"excerpt": "first\\n{token}"}}'))


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer ${TOKEN}",
        "Authorization: Bearer ***",
        "WWW-Authenticate: Basic realm=registry",
        "basic authentication is required",
        "the bearer authentication scheme",
        "mvn deploy -Dgpg.passphrase=${env.GPG_PASSPHRASE}",
        "<password>${db.password}</password>",
        "gcc -DPASSWD_FILE=/etc/passwd -DTOKEN_COUNT=1024 -DSECRET_SERVICE=1 a.c",
        "-Djavax.net.ssl.trustStorePassword=",
        "https://$GITHUB_TOKEN@github.com/x/y.git",
        "redis://localhost:6379/0 and postgresql://app@db/app",
        "ssh://git@git.example.org:2222/x.git",
        "docker pull registry.example.org:5000/x:1.2@sha256:" + "9f86d081" * 8,
        "token: 17",
        '{"attempt": 1, "token": 3, "claim_id": "0b1e2f3a4c5d6e7f8091a2b3c4d5e6f7"}',
        "cache_key=linux-x86_64-5c8a96d7b1e04f6a9d2c3b4a",
        "private_key_file = /etc/ssl/private/server1.example.org.key",
        "integrity sha512-" + "aB3/" * 20 + "aa==",
        "Signature: iQIzBAABCAAdFiEE" + "aB3d" * 12,
        "org.apache.maven.plugins.surefire.TokenizerTest.testSecretKeyIsMasked",
    ],
)
def test_what_only_resembles_a_secret(text: str) -> None:
    assert list(findings(text)) == []
    refuse_secrets("the text", text)

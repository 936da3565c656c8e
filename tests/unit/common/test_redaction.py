from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.redaction import StreamMask, mask, mask_data, mask_secrets, mask_url_credentials


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://me:secret@host/x.git", "https://***@host/x.git"),
        (
            "fatal: unable to access 'https://token@host/x/': no",
            "fatal: unable to access 'https://***@host/x/': no",
        ),
        ("ssh://git@host/x https://host/a@b", "ssh://***@host/x https://host/a@b"),
        ("git@host:x.git", "git@host:x.git"),
    ],
)
def test_credentials_of_urls(text: str, masked: str) -> None:
    assert mask_url_credentials(text) == masked


def test_a_secret_inside_another_leaves_nothing_of_it() -> None:
    assert mask("a hunter2hunter2 b hunter2", ["hunter2", "hunter2hunter2"]) == "a *** b ***"


def test_a_key_of_several_lines_is_masked_line_by_line() -> None:
    key = "-----BEGIN KEY-----\nabcdef\n{\n-----END KEY-----\n"
    assert mask("at abcdef: {x}", [key]) == "at ***: {x}"
    assert mask(f"all {key}", [key]) == "all ***"


def test_a_secret_is_masked_without_the_space_around_it() -> None:
    secret = "  correct horse\nbattery staple\n"
    for text, shown in (
        ("<correct horse\nbattery staple> and battery staple", "<***> and ***"),
        ("correct horse, correct", "***, correct"),
        (f"<{secret}>", "<***>"),
    ):
        assert mask(text, [secret]) == shown
    assert mask("a b", [""]) == "a b"


@given(st.binary(max_size=9), st.text("aB3/", min_size=10, max_size=60), st.binary(max_size=9))
def test_a_secret_is_masked_in_base64_whatever_is_around_it(
    before: bytes, secret: str, after: bytes
) -> None:
    whole = before + secret.encode() + after
    for text in (base64.b64encode(whole), base64.urlsafe_b64encode(whole)):
        shown = mask(f"<{text.decode()}>", [secret])
        # at each end at most one letter of the secret shares a letter with its neighbour
        assert len(shown) - len("<***>") <= (len(before) + len(after)) * 4 / 3 + 6
    assert mask(secret.encode().hex(), [secret]) == "***"
    assert mask(secret.encode().hex().upper(), [secret]) == "***"


def test_a_key_is_masked_in_lines_of_base64() -> None:
    key = "correct horse battery staple " * 9
    text = base64.encodebytes(key.encode()).decode()
    assert set(mask(text, [key]).split()) == {"***"}
    assert mask("a2V5 6b6579", ["key"]) == "a2V5 6b6579", "too short: it would occur by chance"


def test_a_text_that_is_run_again_keeps_its_addresses() -> None:
    text = "git clone https://me@host/x hunter2"
    assert mask_secrets(text, ["hunter2"]) == "git clone https://me@host/x ***"
    assert mask(text, ["hunter2"]) == "git clone https://***@host/x ***"


def test_data_is_masked_in_depth() -> None:
    data = {"a": ["hunter2", 3], "hunter2": {"b": "x hunter2 y"}, "c": None}
    assert mask_data(data, ["hunter2"]) == {"a": ["***", 3], "***": {"b": "x *** y"}, "c": None}


def test_of_secrets_that_overlap_nothing_is_left() -> None:
    assert mask("a hunter2000 b", ["hunter2", "ter2000"]) == "a *** b"
    assert mask("ababab hunter2hunter2", ["abab", "hunter2"]) == "*** ******"


@given(st.text("ab\n", max_size=30), st.lists(st.text("ab\n", max_size=5), max_size=3), st.data())
def test_a_stream_is_masked_as_its_whole_text_wherever_it_is_cut(
    text: str, secrets: list[str], data: st.DataObject
) -> None:
    stream = StreamMask(secrets)
    raw, shown = text.encode(), b""
    while raw:
        size = data.draw(st.integers(1, len(raw)))
        shown += stream.feed(raw[:size])
        raw = raw[size:]
    shown += stream.rest()
    assert shown.decode() == mask(text, secrets)
    assert not any(secret in shown.decode() for secret in secrets if secret)


@pytest.mark.parametrize(
    ("secrets", "pieces", "shown"),
    [
        (["pass1234", "pass1234-more"], ["t=pass1234", "-more\n"], "t=***\n"),
        (["pass1234", "pass1234-more"], ["t=pass1234", "-mode\n"], "t=***-mode\n"),
        (["abcd", "-- abcdefgh --"], ["-- abcd", "efgh --\n"], "***\n"),
        (["hunter2", "ter2000"], ["a hunter2", "000 b"], "a *** b"),
        (["aa"], ["a", "a", "a", "a", "b"], "***b"),
    ],
)
def test_a_secret_that_begins_with_or_has_another_is_masked_whole(
    secrets: list[str], pieces: list[str], shown: str
) -> None:
    stream = StreamMask(secrets)
    got = b"".join([*(stream.feed(piece.encode()) for piece in pieces), stream.rest()])
    assert got.decode() == shown == mask("".join(pieces), secrets)


def test_no_more_than_the_longest_secret_is_held_back() -> None:
    stream = StreamMask(["0000"])
    assert stream.feed(b"0" * 1000) == b"***"
    assert stream.feed(b"0" * 1000) == b""
    assert stream.feed(b"1") + stream.rest() == b"1"


def test_what_can_be_no_secret_is_not_held_back() -> None:
    stream = StreamMask(["hunter2"])
    assert stream.feed(b"prompt: ") == b"prompt: "
    assert stream.feed(b"hunt") == b""
    assert stream.feed(b"er2!") == b"***!"
    assert stream.feed(b"hun") + stream.rest() == b"hun"

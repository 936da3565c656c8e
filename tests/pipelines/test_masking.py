from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.masking import StreamMask, mask, mask_data, mask_url_credentials


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


def test_data_is_masked_in_depth() -> None:
    data = {"a": ["hunter2", 3], "hunter2": {"b": "x hunter2 y"}, "c": None}
    assert mask_data(data, ["hunter2"]) == {"a": ["***", 3], "***": {"b": "x *** y"}, "c": None}


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
    assert not any(secret.encode() in shown for secret in secrets if secret)
    if not any(secret and secret in "***" for secret in secrets):
        unmasked = shown.replace(b"***", b"")
        assert len(unmasked) <= len(text)


def test_what_can_be_no_secret_is_not_held_back() -> None:
    stream = StreamMask(["hunter2"])
    assert stream.feed(b"prompt: ") == b"prompt: "
    assert stream.feed(b"hunt") == b""
    assert stream.feed(b"er2!") == b"***!"
    assert stream.feed(b"hun") + stream.rest() == b"hun"

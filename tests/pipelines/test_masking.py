from __future__ import annotations

import pytest

from pipelines.masking import mask, mask_url_credentials


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

"""Sizes as people write them."""

from __future__ import annotations

import pytest

from common.yaml.size import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("500M", 500 * 1024**2), ("1.5G", 3 * 1024**3 // 2), ("2 TiB", 2 * 1024**4), (17, 17)],
)
def test_a_size(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "500", "-1G", "G", "1X", -1, True, 1.5, None, "9" * 50 + "G"])
def test_no_size(text: object) -> None:
    with pytest.raises(ValueError, match="500M"):
        parse_size(text)


def test_sizes_for_people() -> None:
    assert [format_size(s) for s in (0, 512, 1536, 20 * 1024**3, 5 * 1024**4)] == [
        "0 B",
        "512 B",
        "1.5 KiB",
        "20.0 GiB",
        "5120.0 GiB",
    ]

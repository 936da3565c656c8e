"""Digests of several files at once."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from common.digests import digests_of_files, read_digests

ALGORITHMS = ("sha256", "sha512")


def expected(content: bytes) -> dict[str, str]:
    return {name: hashlib.new(name, content).hexdigest() for name in ALGORITHMS}


def test_both_digests_of_each_file_in_order(tmp_path: Path) -> None:
    contents = [b"", b"x", b"ab" * 700_000, b"last"]
    paths = [tmp_path / str(number) for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    found = list(digests_of_files(paths, ALGORITHMS))
    assert [one.size for one in found] == [len(content) for content in contents]
    assert [one.by_algorithm for one in found] == [expected(content) for content in contents]


def test_each_part_is_handed_on() -> None:
    content, parts = b"ab" * 1_500_000, list[bytes]()
    found = read_digests(io.BytesIO(content), ALGORITHMS, parts.append)
    assert b"".join(parts) == content
    assert len(parts) > 1
    assert found.by_algorithm == expected(content)


def test_a_file_that_cannot_be_read_and_a_stop_end_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with pytest.raises(FileNotFoundError):
        list(digests_of_files([tmp_path / "a", tmp_path / "gone"], ALGORITHMS))

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        list(digests_of_files([tmp_path / "a"], ALGORITHMS, stop))

"""Digests of several files at once."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from common.digests import Digests, file_digests, on_all_cores, read_digests

ALGORITHMS = ("sha256", "sha512")


def read(path: Path) -> Digests:
    return file_digests(path, ALGORITHMS)


def expected(content: bytes) -> dict[str, str]:
    return {name: hashlib.new(name, content).hexdigest() for name in ALGORITHMS}


def test_both_digests_of_each_file_in_order(tmp_path: Path) -> None:
    contents = [b"", b"x", b"ab" * 700_000, b"last"]
    paths = [tmp_path / str(number) for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    found = list(on_all_cores(read, paths))
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
        list(on_all_cores(read, [tmp_path / "a", tmp_path / "gone"]))

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        list(on_all_cores(read, [tmp_path / "a"], stop))

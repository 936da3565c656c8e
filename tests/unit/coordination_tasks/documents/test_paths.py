"""Job ids are data: whatever they hold, they become harmless and different file names."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coordination_tasks.documents.paths import attempt_of, manifest_path, quoted, transitions_path

ids = st.text(min_size=1, max_size=200)


@given(job_id=ids)
@example(job_id=".")
@example(job_id="..")
@example(job_id="../../etc/passwd")
@example(job_id=".git")
@example(job_id="git~1")
@example(job_id="ü" * 200)
def test_a_quoted_id_is_a_harmless_name(job_id: str) -> None:
    name = quoted(job_id)

    assert 0 < len(name) <= 150
    assert not name.startswith((".", "-.", "~"))
    assert not set(name) & set('/\\~:*?"<>| \0\n')
    assert name.isascii()


@given(one=ids, other=ids)
@example(one="x" * 199, other="x" * 200)
@example(one="a/b", other="a%2Fb")
def test_different_ids_have_different_names(one: str, other: str) -> None:
    assert (quoted(one) == quoted(other)) == (one == other)


def test_an_ordinary_id_is_its_own_name() -> None:
    assert quoted("job_1761739200_0042") == "job_1761739200_0042"
    assert manifest_path("build1", "job_1", 2) == "build1/logs/job_1-2-manifest.json"
    assert transitions_path("job_1", 2) == "coordination/transitions/bb/job_1/002.jsonl"


@pytest.mark.parametrize(
    ("name", "attempt"), [("001.jsonl", 1), ("1234.jsonl", 1234), ("1.jsonl", None), ("x", None)]
)
def test_the_attempt_of_a_file(name: str, attempt: int | None) -> None:
    assert attempt_of(name) == attempt

"""Each kept log gives the cause, the code and the retry that its header asks for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.failures.kept_logs import LOGS, KeptLog, kept_logs


@pytest.mark.parametrize("log", [*kept_logs()], ids=lambda log: log.name)
def test_the_cause_is_told(log: KeptLog, tmp_path: Path) -> None:
    failure = log.failure(tmp_path)

    told = (failure.code.value, "yes" if failure.retryable else "no")
    assert told == (log.one("code"), log.one("retry")), failure
    for words in log.all("says"):
        assert words in failure.message
    for words in log.all("excerpt"):
        assert words in failure.excerpt
    places = [f"{place['file']}:{place['line']}" for place in failure.details.get("places", ())]
    for place in log.all("place"):
        assert place in places
    assert 0 < len(failure.excerpt.encode()) <= 2000
    assert len(failure.message) <= 300
    assert "\n" not in failure.message
    json.dumps(failure.details)


def test_logs_are_short_and_lie_in_small_folders() -> None:
    folders = {path.parent for path in LOGS.rglob("*.log")}
    assert all(len(list(folder.iterdir())) <= 12 for folder in (LOGS, *folders))
    assert all(path.stat().st_size < 10_000 for path in LOGS.rglob("*.log"))

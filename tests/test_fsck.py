"""`doit fsck`: broken documents are named with their last good version."""

from __future__ import annotations

import json

from tests.conftest import Farm, git


def test_a_broken_document_is_named_with_its_last_good_version(farm: Farm) -> None:
    farm.enqueue()
    good = git("-C", str(farm.coordination), "rev-parse", "main")
    torn = farm.read("coordination/jobs.json")[:-20]
    farm.write("coordination/jobs.json", torn)
    farm.write("coordination/messages.json", '{"messages": [7]}')

    done = farm.doit("fsck", "--json")

    assert done.returncode == 6, done.stderr
    queue, message = json.loads(done.stdout)
    assert (queue["path"], queue["last_good"]) == ("coordination/jobs.json", good)
    assert "no valid JSON" in queue["problem"]
    assert queue["remedy"].endswith(f"git show {good}:coordination/jobs.json")
    assert message["last_good"] is None
    assert "entry 1 is no object" in message["problem"]
    assert farm.read("coordination/jobs.json").strip() == torn.strip()
    assert f"git show {good}:coordination/jobs.json" in farm.doit("fsck").stdout

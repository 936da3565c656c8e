"""What only a builder itself knows."""

from __future__ import annotations

from datetime import UTC, datetime

from common.settings.farm import AlertsEntry
from coordination_tasks.farm.alerts.own_facts import OwnFacts, own_causes

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_keys_of_several_builders_differ() -> None:
    def keys(builder: str) -> set[str]:
        long_ago = datetime(2025, 1, 1, tzinfo=UTC)
        facts = OwnFacts(
            builder=builder,
            disk_free=1,
            outbox_since=long_ago,
            away_since=long_ago,
            pipelines_problem="no such file",
        )
        return set(own_causes(facts, AlertsEntry(), NOON).active)

    assert len(keys("build1")) == 4
    assert not keys("build1") & keys("build2")

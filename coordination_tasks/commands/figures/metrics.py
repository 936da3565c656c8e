"""`doit metrics`: the farm in figures, for Prometheus."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.figures.families import Family, families
from coordination_tasks.commands.views.farm_page import ended_at
from coordination_tasks.commands.views.farm_view import FarmView, read_farm
from coordination_tasks.commands.views.job_filter import JobFilter
from coordination_tasks.commands.views.output import write_lines
from coordination_tasks.domain.errors import BadRequest, BrokenDocument
from coordination_tasks.domain.model import Transition
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.wiring.reading import farm_overview, open_reading

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

_MOST_JOBS = 200
"""Ended jobs whose steps count: each has files of its own."""
_FILE = "farm.prom"


class MetricsCommand(FarmCommand):
    """doit command."""

    name = "metrics"
    doc_purpose = "show the farm in figures, as Prometheus reads them"
    doc_usage = "[--textfile DIR] [--json]"
    doc_description = """
Builders with their load, the queue, and for each pipeline and branch durations, waiting times and
successes of the last 30 builds; durations of steps and of Maven's modules. All are computed from
the queue and the records of its jobs: archived jobs do not count.

--textfile writes DIR/farm.prom in one step, for the textfile collector of node_exporter.

Exit codes: 0 shown, 1 cannot reach the coordination repository (farm_reachable is 0, and the
figures are those of what this host read last, if there is any), a document in it is broken, or DIR
cannot be written, 3 bad usage.
"""
    group = "look"
    cmd_options = (
        {"name": "textfile", "long": "textfile", "type": str, "default": "", "metavar": "DIR",
         "help": "write farm.prom into this folder instead"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(self, textfile: str, json: bool, builder: str, pos_args: list[str]) -> int:
        no_arguments(pos_args)
        if textfile and json:
            raise BadRequest("--textfile and --json exclude each other")
        if textfile and not Path(textfile).is_dir():
            raise BadRequest(f"--textfile: {textfile[:100]} is not a folder")
        config = self.farm.config(builder)
        with open_reading(config, tell) as reading:
            outage = reading.outage
            live = None if outage else farm_overview(reading.config, reading.snapshot)
            farm = read_farm(reading.snapshot, live, JobFilter(), config.lease, _tell)
            outbox = config.state_dir / "outbox.sqlite"
            found = figures(farm, outbox, is_reachable=outage is None)
        if json:
            sys.stdout.write(as_json([_as_json(family) for family in found]) + "\n")
        elif textfile:
            _write(found, Path(textfile) / _FILE)
        else:
            write_lines([prometheus_text(found).rstrip("\n")])
        if outage:
            tell(f"doit metrics: {outage}")
        return BrokenDocument.exit_code if farm.broken or outage else 0


def _tell(line: str) -> None:
    tell(f"doit metrics: {line}")


def figures(farm: FarmView, outbox: Path, *, is_reachable: bool) -> list[Family]:
    """The farm in figures, with the records that wait in this builder's outbox."""
    return [
        _reachable(is_reachable=is_reachable),
        _waiting_records(outbox),
        *families(farm, _records(farm), utc_now()),
    ]


def _reachable(*, is_reachable: bool) -> Family:
    family = Family("farm_reachable", "1: the coordination repository answers")
    family.add(int(is_reachable))
    return family


def _waiting_records(journal: Path) -> Family:
    family = Family("farm_outbox_records", "records of this builder that wait", ("state",))
    if journal.exists():
        with Outbox(journal) as outbox:
            family.add(len(outbox.pending()), "waiting")
            family.add(len(outbox.refused()), "refused")
    return family


def _records(farm: FarmView) -> dict[str, tuple[Transition, ...]]:
    """What was recorded of the jobs that ended last, by their ids."""
    last = sorted(farm.ended, key=ended_at, reverse=True)[:_MOST_JOBS]
    return {job.id: farm.snapshot.transitions(job.id, job.attempt) for job in last}


def _as_json(family: Family) -> dict[str, object]:
    return {
        "name": family.name,
        "help": family.text,
        "values": [
            {"labels": dict(zip(family.labels, labels, strict=True)), "value": value}
            for labels, value in family.values
        ],
    }


class _Collector:
    """What the library asks for the figures."""

    def __init__(self, found: Iterable[Family]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client.registry.Collector."""
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

        for family in self._found:
            gauge = GaugeMetricFamily(family.name, family.text, labels=family.labels)
            for labels, value in family.values:
                gauge.add_metric(labels, value)
            yield gauge


def _registry(found: Iterable[Family]) -> CollectorRegistry:
    # it takes a moment to import, and no other command needs it
    from prometheus_client import CollectorRegistry  # noqa: PLC0415

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(found))
    return registry


def prometheus_text(found: Iterable[Family]) -> str:
    """The figures in the text format of Prometheus."""
    from prometheus_client import generate_latest  # noqa: PLC0415

    text: str = generate_latest(_registry(found)).decode("utf-8")
    return text


def _write(found: Iterable[Family], path: Path) -> None:
    from prometheus_client import write_to_textfile  # noqa: PLC0415

    write_to_textfile(str(path), _registry(found))
    path.chmod(0o644 & ~os.umask(os.umask(0o022)))

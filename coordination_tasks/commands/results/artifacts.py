"""`doit artifacts`: what the jobs of the farm made, and where it is."""

from __future__ import annotations

import sys
from datetime import datetime
from functools import partial
from typing import Any

from common.cli.command import OPTION_JSON, tell
from common.cli.text_table import table_lines
from common.yaml.size import format_size
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.views.job_filter import (
    FILTER_OPTIONS,
    checked_limit,
    job_filter,
)
from coordination_tasks.domain.timestamps import format_time, utc_now
from coordination_tasks.farm.artifacts.listing import JobArtifacts, list_artifacts
from coordination_tasks.farm.artifacts.targets import is_here
from coordination_tasks.wiring.reading import open_snapshot

_TITLES = (
    *("JOB", "BRANCH", "PIPELINE", "BUILDER", "FILES", "SIZE", "AGE", "GRADE", "WHERE"),
    "REPRODUCED",
)


class ArtifactsCommand(FarmCommand):
    """doit command."""

    name = "artifacts"
    doc_purpose = "list the artifacts of successful jobs: size, age, grade, and where they are"
    doc_usage = (
        "[--branch NAME] [--pipeline NAME] [--builder ID] [--since TIME] [--limit N] [--json]"
    )
    doc_description = """
The jobs of the queue whose last attempt succeeded with artifacts, the newest first. WHERE: `here`
if their folder is on this host, or their builder; then the destinations that they were published
to. REPRODUCED: whether jobs of `doit reproduce` made the same bytes.

Exit codes: 0 shown, 1 cannot reach the coordination repository, 3 bad usage or configuration.
"""
    group = "look"
    cmd_options = (
        *(option for option in FILTER_OPTIONS if option["name"] != "state"),
        {"name": "limit", "long": "limit", "type": int, "default": 0,
         "help": "only the N newest; 0 shows all"},
        OPTION_JSON,
    )  # fmt: skip

    def _execute(self, limit: int, json: bool, pos_args: list[str], **selection: Any) -> int:
        no_arguments(pos_args)
        checked_limit(limit)
        now = utc_now()
        chosen = job_filter(now, **selection)
        config = self.farm.config()
        with open_snapshot(config, tell) as snapshot:
            found = list_artifacts(
                snapshot,
                filter(chosen.takes, snapshot.jobs()),
                partial(is_here, config),
                lambda line: tell(f"doit artifacts: {line}"),
                config.allowed_signers,
            )
        shown = found[:limit] if limit else found
        if json:
            sys.stdout.write(as_json([_as_json(one) for one in shown]) + "\n")
        else:
            rows = [_row(one, now) for one in shown]
            lines = table_lines(_TITLES, rows, None) if rows else ["no job has artifacts"]
            sys.stdout.writelines(f"{line}\n" for line in lines)
        return 0


def _row(one: JobArtifacts, now: datetime) -> tuple[str, ...]:
    manifest = one.published.manifest
    places = ["here" if one.here else one.published.builder, *one.destinations]
    return (
        one.job.id,
        one.job.branch or "-",
        one.job.pipeline or "-",
        one.published.builder,
        str(manifest.count),
        format_size(manifest.size),
        _age((now - one.at).total_seconds()),
        manifest.grade or "-",
        ", ".join(places),
        "; ".join(each.text for each in one.reproduced) or "-",
    )


def _age(seconds: float) -> str:
    """In the largest unit that fits, as durations are written."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"


def _as_json(one: JobArtifacts) -> dict[str, object]:
    manifest = one.published.manifest
    return {
        "job": one.job.id,
        "attempt": one.published.attempt,
        "branch": one.job.branch,
        "pipeline": one.job.pipeline,
        "builder": one.published.builder,
        "commit": manifest.commit,
        "at": format_time(one.at),
        "grade": manifest.grade or None,
        "file_count": manifest.count,
        "size_bytes": manifest.size,
        "folder": manifest.folder,
        "here": one.here,
        "destinations": list(one.destinations),
        "reproduced": [each.as_json() for each in one.reproduced],
    }

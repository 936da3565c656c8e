"""`doit triggers`: what starts jobs by itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.yaml.findings import did_you_mean
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.commands.base import as_json, no_arguments
from coordination_tasks.commands.control.acting import OPTION_AS, ActingCommand
from coordination_tasks.commands.views.farm_page import Section
from coordination_tasks.commands.views.output import write_lines, write_section
from coordination_tasks.domain.errors import BadRequest, Unavailable
from coordination_tasks.domain.timestamps import elapsed, format_time, utc_now
from coordination_tasks.farm.triggers.record import Look, Looks, look_record
from coordination_tasks.farm.triggers.report import TriggerReport, kinds_of, trigger_reports
from coordination_tasks.farm.triggers.requests import trigger_name
from coordination_tasks.farm.triggers.source import WatchedSource
from coordination_tasks.wiring.reading import Reading, open_reading
from coordination_tasks.wiring.triggers import farm_looks


class TriggersCommand(ActingCommand):
    """doit command."""

    name = "triggers"
    doc_purpose = "show what starts jobs by itself, and pause or resume one"
    doc_usage = "[TRIGGER [--pause [--reason TEXT] | --resume] [--as NAME]] [--json]"
    doc_description = """
Without TRIGGER: each trigger of the pipelines of this builder, what it waits for, the last look at
it of any builder, the next run of a schedule, and why it started nothing. `doit work` and
`doit watch` look; of many builders each looks less often. Looks of others come with their
heartbeats, which can be 4 minutes old.

--pause lets a trigger start nothing, in the whole farm, until --resume. What happens meanwhile
starts nothing afterwards either.

Exit codes: 0 shown or changed, 1 cannot reach the coordination repository, 3 bad usage.
"""
    group = "queue"
    cmd_options = (
        {"name": "pause", "long": "pause", "type": bool, "default": False,
         "help": "let the trigger start nothing"},
        {"name": "resume", "long": "resume", "type": bool, "default": False,
         "help": "let it start jobs again"},
        {"name": "reason", "long": "reason", "type": str, "default": "",
         "help": "reason, shown with the trigger"},
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        pause: bool,
        resume: bool,
        reason: str,
        person: str,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        if pause and resume:
            raise BadRequest("--pause and --resume exclude each other")
        if reason and not pause:
            raise BadRequest("--reason is only for --pause")
        no_arguments(pos_args[1:])
        if (pause or resume) and not pos_args:
            raise BadRequest("expected the name of a trigger; `doit triggers` shows them")
        config = self.farm.config(builder)
        sources = self.farm.pipelines.watched(config.state_dir)
        if pos_args:
            _check_name(pos_args[0], sources)
        if pause:
            with self.control(builder, person) as control:
                control.pause_trigger(pos_args[0], reason)
        elif resume:
            with self.control(builder, person) as control:
                control.resume_trigger(pos_args[0])
        with open_reading(config, tell) as reading:
            self.show_outage(reading.outage, json=json)
            triggers = {name: source.triggers for name, source in sources.items()}
            looks = self._looks(config, reading)
            found = trigger_reports(triggers, reading.snapshot, looks, utc_now())
        shown = [report for report in found if report.name in pos_args or not pos_args]
        if json:
            sys.stdout.write(as_json([_as_json(report) for report in shown]) + "\n")
        elif shown:
            write_section(_section(shown))
        else:
            write_lines(["no pipeline has triggers"])
        return 0

    def _looks(self, config: BuilderConfig, reading: Reading) -> Looks:
        """Those of the farm; while it cannot be reached those of this builder."""
        if reading.outage is None:
            try:
                return farm_looks(config, reading.snapshot)
            except Unavailable as error:
                tell(f"doit triggers: {error}; the looks are those of this builder alone")
        return look_record(config.state_dir).read(config.profile.id)


def _check_name(name: str, sources: Mapping[str, WatchedSource]) -> None:
    known = [
        trigger_name(pipeline, kind)
        for pipeline, source in sources.items()
        for kind in kinds_of(source.triggers)
    ]
    if name not in known:
        raise BadRequest(f"unknown trigger {name[:80]!r}{did_you_mean(name, known)}")


def _section(reports: Sequence[TriggerReport]) -> Section:
    now = utc_now()
    return Section(
        titles=("TRIGGER", "STATE", "LOOKED", "NEXT", "LAST JOB", "SAYS"),
        rows=[
            (
                each.name,
                "paused" if each.paused else "active",
                _looked(each.look, now),
                format_time(each.next_run) if each.next_run else "-",
                f"{each.last_job.id} {each.last_job.state}" if each.last_job else "-",
                each.why,
            )
            for each in reports
        ],
        styles=["yellow" if each.paused or each.look.problem else "" for each in reports],
        droppable=("LOOKED", "NEXT"),
        wrap=True,
    )


def _looked(look: Look, now: datetime) -> str:
    if look.at is None:
        return "-"
    return f"{elapsed((now - look.at).total_seconds())} ago{f' by {look.by}' if look.by else ''}"


def _as_json(report: TriggerReport) -> dict[str, object]:
    job = report.last_job
    return {
        "name": report.name,
        "pipeline": report.pipeline,
        "kind": report.kind,
        "what": report.what,
        "paused": asdict(report.paused) if report.paused else None,
        "looked_at": report.look.at,
        "looked_by": report.look.by or None,
        "problem": report.look.problem or None,
        "said": list(report.look.said),
        "next_run": report.next_run,
        "last_job": {"id": job.id, "state": job.state.value} if job else None,
    }

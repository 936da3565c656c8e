"""`doit plan`: what a pipeline would do; changes nothing."""

from __future__ import annotations

import sys
from typing import Any

from common.cli.command import OPTION_JSON, OPTION_PARAM, given_params
from common.settings.shared_defaults import SHARED_CONFIG
from pipelines.commands.base import PipelineCommand
from pipelines.language.params import resolve_params
from pipelines.language.views.preview import preview
from pipelines.tasks.shared import taken_from, with_defaults

_DURATIONS = frozenset({"timeout", "silent_timeout", "backoff"})


class PlanCommand(PipelineCommand):
    """doit command."""

    name = "plan"
    doc_purpose = "show the steps of a pipeline as they would run"
    doc_usage = "PIPELINE [--param NAME=VALUE ...] [--json]"
    doc_description = """
Shows the steps in execution order, with `extends`, `include`, `defaults`, `matrix` and the values
of parameters applied, and with the farm's defaults of shared/build_config.json, as this host read
it last: each of these is marked, and what is not used of that file is listed. Values that only a
job, a secret or an earlier step provides stay as ${{ }}. Changes nothing.

Exit codes: 0 shown, 3 invalid file, missing or invalid parameter, or bad usage.
"""
    group = "pipelines"
    completes = "pipelines"
    cmd_options = (OPTION_PARAM, OPTION_JSON)

    def run(self, args: list[str], **options: Any) -> int:
        """Read, resolve, print."""
        pipeline = self.pipeline(args)
        shared = self._pipelines.shared_defaults()
        params = resolve_params(pipeline, given_params(options["param"]))
        plan = preview(with_defaults(pipeline, shared), params)
        for step in plan["steps"]:
            if taken := taken_from(pipeline.by_name[step["name"]], shared):
                step["from_shared"] = sorted(taken)
        plan["shared_unused"] = [
            {"key": key, "value": value, "why": why} for key, (value, why) in shared.unused.items()
        ]
        if options["json"]:
            self.write_json(plan)
        else:
            sys.stdout.write(f"{_text(plan)}\n")
        return 0


def _text(plan: dict[str, Any]) -> str:
    lines = [f"{plan['pipeline']}: {plan['description']}"]
    lines += [f"source: {plan['source']['repository']}"]
    lines += [f"param {name}: {value}" for name, value in plan["params"].items()]
    lines += [
        f"{SHARED_CONFIG}: {each['key'] or 'all of it'} is not used: {each['why']}"
        for each in plan["shared_unused"]
    ]
    for number, step in enumerate(plan["steps"], 1):
        lines += _step_lines(number, step)
    return "\n".join(lines)


def _step_lines(number: int, step: dict[str, Any]) -> list[str]:
    mark = "" if step["runs"] else "  -- would be skipped"
    lines = ["", f"{number}. {step['name']}{mark}", f"   why: {step['why']}"]
    for key, value in step.items():
        if key in ("name", "runs", "why", "needs", "from_shared"):
            continue
        if key == "run":
            script = value.rstrip("\n").split("\n")
            lines += [f"   run ({step['shell']}):", *(f"     {line}".rstrip() for line in script)]
        elif isinstance(value, dict):
            lines += [
                f"   {key}:",
                *(
                    f"     {name}: {_with_unit(name, v)}{_origin(step, key, name)}"
                    for name, v in value.items()
                ),
            ]
        elif key != "shell":
            lines.append(f"   {key}: {_with_unit(key, value)}")
    return lines


def _origin(step: dict[str, Any], key: str, name: str) -> str:
    is_shared = key == "with" and name in step.get("from_shared", ())
    return f"  (from {SHARED_CONFIG})" if is_shared else ""


def _with_unit(key: str, value: Any) -> str:
    return f"{value:g} s" if key in _DURATIONS and isinstance(value, float) else _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={_shown(item)}" for key, item in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)

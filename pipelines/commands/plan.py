"""`doit plan`: what a pipeline would do; changes nothing."""

from __future__ import annotations

import sys
from typing import Any

from common.cli.command import OPTION_JSON, OPTION_PARAM, given_params
from pipelines.commands.base import PipelineCommand
from pipelines.language.params import resolve_params
from pipelines.language.views.preview import preview

_DURATIONS = frozenset({"timeout", "silent_timeout", "backoff"})


class PlanCommand(PipelineCommand):
    """doit command."""

    name = "plan"
    doc_purpose = "show the steps of a pipeline as they would run"
    doc_usage = "PIPELINE [--param NAME=VALUE ...] [--json]"
    doc_description = """
Shows the steps in execution order, with `extends`, `include`, `defaults`, `matrix` and the
values of parameters applied. Values that only a job, a secret or an earlier step provides
stay as ${{ }}. Changes nothing.

Exit codes: 0 shown, 3 invalid file, missing or invalid parameter, or bad usage.
"""
    group = "pipelines"
    completes = "pipelines"
    cmd_options = (OPTION_PARAM, OPTION_JSON)

    def run(self, args: list[str], **options: Any) -> int:
        """Read, resolve, print."""
        pipeline = self.pipeline(args)
        plan = preview(pipeline, resolve_params(pipeline, given_params(options["param"])))
        if options["json"]:
            self.write_json(plan)
        else:
            sys.stdout.write(f"{_text(plan)}\n")
        return 0


def _text(plan: dict[str, Any]) -> str:
    lines = [f"{plan['pipeline']}: {plan['description']}"]
    lines += [f"source: {plan['source']['repository']}"]
    lines += [f"param {name}: {value}" for name, value in plan["params"].items()]
    for number, step in enumerate(plan["steps"], 1):
        lines += _step_lines(number, step)
    return "\n".join(lines)


def _step_lines(number: int, step: dict[str, Any]) -> list[str]:
    mark = "" if step["runs"] else "  -- would be skipped"
    lines = ["", f"{number}. {step['name']}{mark}", f"   why: {step['why']}"]
    for key, value in step.items():
        if key in ("name", "runs", "why", "needs"):
            continue
        if key == "run":
            script = value.rstrip("\n").split("\n")
            lines += [f"   run ({step['shell']}):", *(f"     {line}".rstrip() for line in script)]
        elif isinstance(value, dict):
            lines += [
                f"   {key}:",
                *(f"     {name}: {_with_unit(name, v)}" for name, v in value.items()),
            ]
        elif key != "shell":
            lines.append(f"   {key}: {_with_unit(key, value)}")
    return lines


def _with_unit(key: str, value: Any) -> str:
    return f"{value:g} s" if key in _DURATIONS and isinstance(value, float) else _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={_shown(item)}" for key, item in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)

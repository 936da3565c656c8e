"""`doit artifacts-cleanup`: old artifacts on this builder's disk, but never those that matter."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterable, Sequence
from contextlib import nullcontext
from functools import partial

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.cli.terminal_text import printable
from common.yaml.size import format_size
from coordination_tasks.build.ports import Removable
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.lock import acting_lock
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.artifacts.listing import list_artifacts, surplus_jobs
from coordination_tasks.farm.artifacts.releases.good_builds import find_good_builds
from coordination_tasks.farm.artifacts.targets import is_here
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.wiring.clones import marks
from coordination_tasks.wiring.reading import open_snapshot


class ArtifactsCleanupCommand(FarmCommand):
    """doit command."""

    name = "artifacts-cleanup"
    doc_purpose = "show or remove old artifacts on this builder's disk"
    doc_usage = "--keep N [--remove] [--json]"
    doc_description = """
Lists the successful jobs of this builder whose artifacts are here, but for the N newest of each
branch and pipeline, with the space that each would free. --remove removes their workspaces. Always
kept: the last success of a branch, builds with a tag (`doit good-builds`), and what a step
published.

Exit codes: 0 shown or removed, 1 cannot reach the coordination repository (nothing is removed),
3 bad usage, or --remove while a `doit build` is running here.
"""
    group = "care"
    cmd_options = (
        {"name": "keep", "long": "keep", "type": int, "default": 0,
         "help": "jobs of each branch and pipeline that stay, 1 or more"},
        {"name": "remove", "long": "remove", "type": bool, "default": False,
         "help": "remove the workspaces instead of only showing them"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self, keep: int, remove: bool, json: bool, builder: str, pos_args: list[str]
    ) -> int:
        no_arguments(pos_args)
        if keep < 1:
            raise BadRequest(f"--keep expects 1 or more, found {keep}")
        config = self.farm.config(builder)
        workspaces = self.farm.pipelines.workspaces(config.state_dir)
        with acting_lock(config) if remove else nullcontext():
            with open_snapshot(config, tell) as snapshot:
                surplus = _surplus(snapshot, config, keep)
            others = set(workspaces.jobs()) - surplus
            found = _workspaces(
                workspaces.removable_items(_limits(config), others, utc_now().timestamp()), surplus
            )
            if remove:
                workspaces.remove(each.item.path for each in found)
        if json:
            sys.stdout.write(as_json(_as_json(found, removed=remove)) + "\n")
        else:
            sys.stdout.writelines(f"{line}\n" for line in _lines(found, removed=remove))
        return 0


def _surplus(snapshot: Snapshot, config: BuilderConfig, keep: int) -> set[str]:
    listed = list_artifacts(
        snapshot,
        snapshot.jobs(),
        partial(is_here, config),
        lambda line: tell(f"doit artifacts-cleanup: {line}"),
    )
    tagged = {build.job for build in find_good_builds(marks(config))}
    own = [one for one in listed if one.published.builder == config.profile.id]
    return surplus_jobs(own, keep, tagged)


def _limits(config: BuilderConfig) -> dict[str, tuple[float, int]]:
    """Everything exceeds those of the workspaces, and nothing the others."""
    return dict.fromkeys(config.limits, (math.inf, sys.maxsize)) | {"workspaces": (0.0, 0)}


def _workspaces(items: Iterable[Removable], surplus: Collection[str]) -> list[Removable]:
    return [each for each in items if each.item.name in surplus]


def _lines(found: Sequence[Removable], *, removed: bool) -> list[str]:
    lines = [
        printable(f"{each.item.name}: {format_size(each.item.size)} in {each.item.path}")
        for each in found
    ]
    count, size = len(found), format_size(sum(each.item.size for each in found))
    what = f"{count} workspace{'' if count == 1 else 's'}, {size}"
    if removed:
        return [*lines, f"{what} removed"]
    return [*lines, f"{what}; --remove removes them" if found else "nothing to remove"]


def _as_json(found: Sequence[Removable], *, removed: bool) -> dict[str, object]:
    return {
        "removed": removed,
        "jobs": [
            {"job": each.item.name, "path": str(each.item.path), "size_bytes": each.item.size}
            for each in found
        ],
    }

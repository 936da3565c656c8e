"""Limits of memory and processors for the commands of a step, by what this machine allows.

A control group limits a command with all that it starts. Where no group can be made, each process
has a limit of its own, and all of them share some of the processors.
"""

from __future__ import annotations

import math
import os
import random
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

from common.settings.sandbox import NO_LIMITS, StepLimits
from common.yaml.size import format_size
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.exit_code import ExitCode
from pipelines.processes.sandbox.cgroups import CPU, MEMORY, Places, control_group, find_places
from pipelines.processes.sandbox.protocol import Enclosed

_PROC = Path("/proc/self")


@cache
def places() -> Places | None:
    """Where this process may make control groups; None: nowhere."""
    try:
        texts = [(_PROC / name).read_text() for name in ("mountinfo", "cgroup")]
    except OSError:
        return None
    return find_places(*texts)


@contextmanager
def limited(enclosed: Enclosed, limits: StepLimits) -> Iterator[Enclosed]:
    """The command within the limits, until the end of the context."""
    if limits == NO_LIMITS:
        yield enclosed
        return
    found = places()
    grouped, alone = split(limits, found)
    start = by_process(alone)
    if found is None or grouped == NO_LIMITS:
        yield replace(enclosed, argv=(*start, *enclosed.argv))
        return
    with control_group(found, grouped) as group:

        def exit_code(returned: int) -> ExitCode:
            if limits.memory is not None and group.ran_out_of_memory():
                raise out_of_memory(limits.memory)
            return enclosed.exit_code(returned)

        joins = " && ".join(f"echo $$ > {shlex.quote(str(file))}" for file in group.members)
        entered = ("/bin/sh", "-c", f'{joins} && exec "$@"', "sh", *start, *enclosed.argv)
        yield replace(enclosed, argv=entered, exit_code=exit_code)


def split(limits: StepLimits, found: Places | None) -> tuple[StepLimits, StepLimits]:
    """What control groups limit, and what has to be limited process by process."""
    by_group = found.folders if found else ()
    memory, cpus = limits.memory, limits.cpus
    return (
        StepLimits(
            memory=memory if MEMORY in by_group else None, cpus=cpus if CPU in by_group else None
        ),
        StepLimits(
            memory=None if MEMORY in by_group else memory, cpus=None if CPU in by_group else cpus
        ),
    )


def by_process(limits: StepLimits) -> tuple[str, ...]:
    """The programs that start a command within limits of each process."""
    start: tuple[str, ...] = ()
    if limits.cpus is not None:
        usable = sorted(os.sched_getaffinity(0))
        chosen = random.sample(usable, min(len(usable), math.ceil(limits.cpus)))
        start += ("/usr/bin/taskset", "--cpu-list", ",".join(map(str, sorted(chosen))))
    if limits.memory is not None:
        # Not RLIMIT_AS: Java and Go reserve far more addresses than they use.
        start += ("/usr/bin/prlimit", f"--data={limits.memory}")
    return start


def out_of_memory(memory: int) -> StepFailed:
    """The failure of a command that the kernel ended at its limit of memory (bytes)."""
    return StepFailed(
        FailureCode.OUT_OF_MEMORY,
        f"the command needed more than the {format_size(memory)} of memory that it may use"
        " (`memory` of the step, or `step_memory` in builder.yaml)",
    )

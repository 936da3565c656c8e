"""The work of a builder: its watch, and the builds that it starts."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from coordination_tasks.build.ports import Pipelines
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.farm.watch import Watch
from coordination_tasks.farm.work.build_process import BuildProcess
from coordination_tasks.farm.work.loop import Until, Work
from coordination_tasks.farm.work.service_manager import VARIABLES, ServiceManager
from coordination_tasks.farm.work.sign_of_life import SignOfLife
from coordination_tasks.wiring.pipelines import state_of


def make_work(
    home: Path,
    config: BuilderConfig,
    pipelines: Pipelines,
    watch: Watch,
    *,
    until: Until,
    finishes: bool,
) -> Work:
    """The work of this builder; `home` is the folder of dodo.py."""
    builder = config.profile.id
    command = (sys.executable, "-m", "doit", "build", "--builder", builder)
    environment = {name: text for name, text in os.environ.items() if name not in VARIABLES}
    return Work(
        builder=builder,
        watch=watch.run_due,
        look=watch.look,
        snapshot=lambda: watch.observer.snapshot,
        start_build=lambda: BuildProcess(
            command,
            home,
            environment,
            SignOfLife(config.state_dir),
            monotonic=time.monotonic,
        ),
        pipelines_state=lambda: state_of(pipelines),
        service=ServiceManager(os.environ, monotonic=time.monotonic),
        watch_every=config.observe_every,
        until=until,
        finishes=finishes,
        monotonic=time.monotonic,
        wait=time.sleep,
        notice=watch.notice,
    )

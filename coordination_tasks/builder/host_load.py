"""The load of this host, for `<builder>/status.json` and `heartbeat.json`."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

from coordination_tasks.documents.builder_status import HostLoad

_GB = 1024**3


def read_host_load(folder: Path) -> HostLoad:
    """The load of this host now; `folder` is on the disk whose free space counts."""
    # the one-minute average: psutil's own percentage needs two samples with time between them
    busy = os.getloadavg()[0] / (os.cpu_count() or 1) * 100
    return HostLoad(
        cpu_usage=round(min(busy, 100.0), 1),
        memory_used_gb=round(psutil.virtual_memory().used / _GB, 1),
        disk_free_gb=round(psutil.disk_usage(str(folder)).free / _GB, 1),
        uptime_seconds=int(time.time() - psutil.boot_time()),
    )

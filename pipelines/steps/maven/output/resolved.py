"""What Maven resolved for the modules of a step, as a file beside its events.

An item is `SCOPE|ID|ID OF THE ONE THAT NEEDS IT|SHA-256`; an id is `group:artifact:type:version` or
`group:artifact:type:classifier:version`. What only tests need is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from common.atomic_files import replace_file
from pipelines.steps.maven.output.events import BuildEvents

_TEST = "test"


def keep_dependencies(events: BuildEvents, file: Path) -> tuple[Path, ...]:
    """Write the file; returns it, or nothing if Maven told of no module. Raises OSError.

    The file of an earlier run is removed.
    """
    modules = {module.id: module.resolved for module in events.modules.values() if module.id}
    if not modules:
        file.unlink(missing_ok=True)
        return ()
    found = {
        "modules": sorted(modules),
        "uses": sorted({use for items in modules.values() for use in _uses(items)}),
    }
    replace_file(file, (json.dumps(found, indent=1) + "\n").encode())
    return (file,)


def _uses(items: set[str]) -> Iterator[tuple[str, str, str]]:
    """Who needs an artifact, its id, and its SHA-256."""
    for item in items:
        match item.split("|"):
            case [scope, artifact, needed_by, sha256] if scope != _TEST:
                yield needed_by, artifact, sha256

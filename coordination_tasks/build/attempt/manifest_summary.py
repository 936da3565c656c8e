"""The files of a manifest that is about to be published."""

from __future__ import annotations

import json
import os
from pathlib import PurePosixPath


def artifact_names(manifest: bytes | None) -> tuple[str, ...]:
    """Names of the files; empty without a manifest."""
    if manifest is None:
        return ()
    return tuple(artifact["name"] for artifact in json.loads(manifest)["artifacts"])


def artifacts_folder(manifest: bytes | None) -> str | None:
    """The folder of all the files; None when there are none."""
    if manifest is None:
        return None
    document = json.loads(manifest)
    paths = [PurePosixPath(document["build_dir"], a["path"]) for a in document["artifacts"]]
    return os.path.commonpath([path.parent for path in paths]) if paths else None

"""`doit fetch`: the artifacts of a job, from the builder that has them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import doit

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from coordination_tasks.commands.base import FarmCommand, as_json
from coordination_tasks.documents.paths import quoted
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.farm.artifacts.copies import fetch
from coordination_tasks.farm.artifacts.manifest import ManifestFile
from coordination_tasks.farm.artifacts.published import Published, find_published
from coordination_tasks.farm.artifacts.signing import require_signature
from coordination_tasks.farm.artifacts.targets import is_here
from coordination_tasks.wiring.reading import open_snapshot


class FetchCommand(FarmCommand):
    """doit command."""

    name = "fetch"
    doc_purpose = "copy the artifacts of a job from the builder that has them"
    doc_usage = "JOB [-o DIR] [--json]"
    doc_description = """
Copies the artifacts of the job's last success into DIR, all or none, and compares each with the
manifest, as `doit verify` does. If `allowed_signers` is set in builder.yaml, their builder must
have signed the manifest. Manifest, bill of materials, statement of provenance and signature go
there too. Artifacts of the same name keep their folders. On the builder's own machine it copies the
files; from others they come through ssh, from `address` in the builder's builder.yaml, or else its
`ip`: by rsync where both machines have it, else by tar. A builder that sends more than the manifest
lists is stopped.

Exit codes: 0 copied, or already there, 1 cannot reach the coordination repository or the builder, a
file differs from the manifest, or the manifest is not signed as required, 3 bad usage or
configuration, an unknown job, no artifacts, or they are no longer there, a builder without an
address, another file of that name in DIR, or too little space there.
"""
    group = "look"
    completes = "jobs"
    cmd_options = (
        {"name": "output", "short": "o", "long": "output", "type": str, "default": "",
         "help": "folder for the files, created if missing [default: artifacts/JOB]"},
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(self, output: str, json: bool, builder: str, pos_args: list[str]) -> int:
        if len(pos_args) != 1:
            raise BadRequest("expected the id of one job; `doit jobs` shows them")
        # not this folder, which has dodo.py: Python would import an artifact named like a module
        into = output or f"artifacts/{quoted(pos_args[0])}"
        target = Path(doit.get_initial_workdir() or ".", into).resolve()
        config = self.farm.config(builder)
        with open_snapshot(config, tell) as snapshot:
            artifacts = find_published(snapshot, pos_args[0])
        require_signature(artifacts, config.allowed_signers)
        copies = fetch(artifacts, target, is_here=is_here(config, artifacts.builder))
        if json:
            sys.stdout.write(as_json(_report(artifacts, target, copies)) + "\n")
        else:
            sys.stdout.writelines(f"{path}\n" for _, path in copies)
        return 0


def _report(
    artifacts: Published, target: Path, copies: Sequence[tuple[ManifestFile, Path]]
) -> dict[str, object]:
    return {
        "job": artifacts.job,
        "attempt": artifacts.attempt,
        "builder": artifacts.builder,
        "folder": str(target),
        "files": [
            {"name": file.name, "path": str(path), "size_bytes": file.size, "digest": file.digest}
            for file, path in copies
        ],
    }

"""How a job made its artifacts, for programs that know no farm: an in-toto statement (SLSA v1).

Equal builds have equal statements but for `runDetails`: builder, job, attempt and times.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

BUILD_TYPE = "urn:build-coordination:job:1"
_DEFINES = ("grade", "rungs", "substitutions", "toolchain", "commands", "java", "maven")
"""What a step says that is part of the definition of a build."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The job that made the artifacts."""

    params: Mapping[str, str]
    started: datetime | None
    """None: unknown."""


def statement(document: Mapping[str, Any], bill: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Of a manifest that is not divided, and the entry of its bill of materials."""
    made = document["provenance"]
    source = {
        "uri": _git_uri(made["source_repository"]),
        "digest": {"gitCommit": document["commit"], "gitTree": made["tree"]},
    }
    plan = {"name": "plan", "digest": {"sha256": made["plan"]}}
    started = {"startedOn": f"{run.started:%Y-%m-%dT%H:%M:%SZ}"} if run.started else {}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [_subject(entry) for entry in document["artifacts"]],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "repository": made["source_repository"],
                    "branch": document["branch"],
                    "pipeline": made["pipeline"],
                    "params": dict(run.params),
                },
                "internalParameters": {"dirty": made["dirty"], "steps": _defining(made["steps"])},
                "resolvedDependencies": [
                    source,
                    *([plan] if made["plan"] else []),
                    {**_subject(bill), "mediaType": bill["media_type"]},
                ],
            },
            "runDetails": {
                "builder": {"id": f"urn:build-coordination:builder:{made['builder']}"},
                "metadata": {
                    "invocationId": f"{document['job_id']}/{made['attempt']}",
                    **started,
                    "finishedOn": document["created_at"],
                },
            },
        },
    }


def statement_bytes(new: Mapping[str, Any], old: bytes | None) -> bytes:
    """Its canonical form; `old`, if that differs only in its times."""
    if old is not None:
        try:
            known = json.loads(old)
            if _without_times(known) == _without_times(new):
                return old
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # a broken one is written anew
    return (json.dumps(new, indent=2, ensure_ascii=False) + "\n").encode()


def _without_times(found: Mapping[str, Any]) -> dict[str, Any]:
    predicate = found["predicate"]
    details = predicate["runDetails"]
    metadata = {**details["metadata"], "startedOn": None, "finishedOn": None}
    return {
        **found,
        "predicate": {**predicate, "runDetails": {**details, "metadata": metadata}},
    }


def _subject(entry: Mapping[str, Any]) -> dict[str, Any]:
    digest = {name: entry["checksums"][name] for name in ("sha256", "sha512")}
    return {"name": entry["path"], "digest": digest}


def _defining(steps: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {
        kind: {key: values[key] for key in _DEFINES if key in values}
        for kind, values in steps.items()
    }
    return {kind: values for kind, values in found.items() if values}


def _git_uri(repository: str) -> str:
    if "://" in repository:
        return f"git+{repository}"
    host, colon, path = repository.partition(":")
    if colon and "/" not in host:
        return f"git+ssh://{host}/{path}"
    return f"git+file://{repository}"

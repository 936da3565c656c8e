"""Whether a statement of provenance fits its manifest."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from coordination_tasks.farm.artifacts.targets import Target, of_manifest
from coordination_tasks.farm.artifacts.verification import statement_deviations
from pipelines.artifacts.manifest import (
    Origin,
    divided,
    document_entry,
    manifest_bytes,
    manifest_document,
    read_artifacts,
)
from pipelines.artifacts.provenance import Run, statement, statement_bytes

PLAN, COMMIT = "5" * 64, "a" * 40


@pytest.fixture
def target(tmp_path: Path) -> Target:
    (tmp_path / "a.txt").write_text("hello\n")
    origin = Origin(
        job_id="j", builder="build1", branch="main", commit=COMMIT, build_dir=str(tmp_path)
    )
    provenance = {
        "attempt": 2,
        "builder": "build1",
        "pipeline": "p",
        "plan": PLAN,
        "tree": "b" * 40,
        "source_repository": "git@example.org:p.git",
        "dirty": False,
        "steps": {},
    }
    artifacts = read_artifacts([tmp_path / "a.txt"], tmp_path)
    document = manifest_document(origin, artifacts, provenance, "2025-11-01T12:00:00Z")
    bill = document_entry("j-2-sbom.cdx.json", "sbom.cdx.json", b"{}")
    run = Run(params={}, started=datetime(2025, 11, 1, tzinfo=UTC))
    told = statement_bytes(statement(document, bill, run), None)
    entry = document_entry("provenance.intoto.json", "provenance.intoto.json", told)
    document["documents"] = {"sbom": bill, "provenance": entry}
    (tmp_path / "provenance.intoto.json").write_bytes(told)
    short, rest = divided(document)
    assert rest is None
    (tmp_path / "manifest.json").write_bytes(manifest_bytes(short))
    return of_manifest(tmp_path / "manifest.json")


def problems(target: Target) -> list[str]:
    found = list(statement_deviations(target))
    assert {(one.kind.value, one.file) for one in found} <= {
        ("provenance", "provenance.intoto.json")
    }
    return [one.problem for one in found]


def change(target: Target, **changed: Any) -> None:
    """Other values of the parts of the statement in which a test looks."""
    file = target.folder / "provenance.intoto.json"
    told = json.loads(file.read_bytes())
    run = told["predicate"]["runDetails"]
    source, plan, bill = told["predicate"]["buildDefinition"]["resolvedDependencies"]
    source["digest"]["gitCommit"] = changed.get("commit", COMMIT)
    plan["digest"]["sha256"] = changed.get("plan", PLAN)
    bill["digest"]["sha256"] = changed.get("bill", bill["digest"]["sha256"])
    run["metadata"]["invocationId"] = changed.get("job", "j/2")
    run["builder"]["id"] = changed.get("builder", run["builder"]["id"])
    told["subject"] = changed.get("subject", told["subject"])
    file.write_text(json.dumps(told))


def test_a_statement_that_fits(target: Target) -> None:
    assert problems(target) == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"commit": "c" * 40}, f"its commit is {'c' * 40}, that of the manifest {COMMIT}"),
        ({"plan": "6" * 64}, f"its plan is {'6' * 64}, that of the manifest {PLAN}"),
        ({"job": "j/1"}, "its job and attempt is j/1, that of the manifest j/2"),
        ({"builder": "urn:x:evil"}, "its builder is evil, that of the manifest build1"),
        ({"subject": []}, "it does not name a.txt"),
    ],
)
def test_each_deviation_is_one_line(target: Target, changed: dict[str, Any], problem: str) -> None:
    change(target, **changed)
    assert problems(target) == [problem]


def test_other_files_and_other_contents(target: Target) -> None:
    other = {"name": "b.txt", "digest": {"sha256": "0" * 64}}
    wrong = {"name": "a.txt", "digest": {"sha256": "0" * 64}}
    change(target, subject=[other, wrong], bill="0" * 64)
    first, *rest = problems(target)
    assert first.startswith(f"its bill of materials is {'0' * 64}")
    assert rest == [
        "its SHA-256 of a.txt is not that of the manifest",
        "b.txt is not in the manifest",
    ]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"predicate": {}}', b"\xff"])
def test_what_is_no_statement(target: Target, content: bytes) -> None:
    (target.folder / "provenance.intoto.json").write_bytes(content)
    [problem] = problems(target)
    assert problem.startswith("it is no statement of provenance")


def test_manifests_of_older_programs_have_none(target: Target) -> None:
    assert list(statement_deviations(replace(target, documents={}))) == []

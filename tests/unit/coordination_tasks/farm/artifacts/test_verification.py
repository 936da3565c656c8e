"""Which deviations of artifacts and manifests are found."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from common.states import State
from coordination_tasks.domain.model import BuilderProfile, Job
from coordination_tasks.farm.artifacts.manifest import Manifest, read_manifest
from coordination_tasks.farm.artifacts.targets import of_folder, of_manifest
from coordination_tasks.farm.artifacts.verification import (
    Kind,
    check_record,
    file_deviations,
)
from coordination_tasks.repository.memory import MemoryRemote, MemoryRepository
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.store import Store

COMMIT = "c" * 40


def manifest_data(folder: Path, commit: str = COMMIT, builder: str = "build1") -> bytes:
    """The manifest of the two files that are made in `folder`."""
    entries = []
    for name, text in {"a.deb": "deb", "b.jar": "jar"}.items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        digests = {
            each: hashlib.new(each, text.encode()).hexdigest() for each in ("sha256", "sha512")
        }
        entries.append({"name": name, "path": name, "size_bytes": len(text), "checksums": digests})
    origin = {"job_id": "job", "server": builder, "branch": "main", "commit": commit}
    return json.dumps({**origin, "build_dir": str(folder), "artifacts": entries}).encode()


@pytest.fixture
def store() -> Store:
    store = Store(MemoryRepository(MemoryRemote()), BuilderProfile(id="build1"))
    store.enqueue(Job(id="job", pipeline="m", commit=COMMIT))
    return store


def succeed(store: Store, manifest: bytes) -> None:
    job = None if store.job("job").state is State.QUEUED else "job"
    attempt = store.claim(claim_id=str(manifest), pipelines={"m": ()}, job_id=job)
    store.complete(attempt, Completion(state=State.SUCCEEDED, manifest=manifest))


def kinds(store: Store, data: bytes) -> list[Kind]:
    found = check_record(store.snapshot(), read_manifest(data), None)
    return [one.kind for one in found.deviations]


def test_the_manifest_of_the_last_success_fits(store: Store, tmp_path: Path) -> None:
    data = manifest_data(tmp_path)
    succeed(store, data)
    assert kinds(store, data) == []


def test_a_manifest_of_an_attempt_that_another_one_replaced_is_stale(
    store: Store, tmp_path: Path
) -> None:
    first, second = manifest_data(tmp_path / "1"), manifest_data(tmp_path / "2")
    succeed(store, first)
    succeed(store, second)
    assert kinds(store, first) == [Kind.STALE]
    assert kinds(store, second) == []


def test_a_manifest_that_nobody_recorded(store: Store, tmp_path: Path) -> None:
    data = manifest_data(tmp_path)
    assert kinds(store, data) == [Kind.RECORD], "the job is queued"
    succeed(store, data)
    assert kinds(store, data + b" ") == [Kind.RECORD], "it was changed"
    other = data.replace(b'"job"', b'"other"')
    assert kinds(store, other) == [Kind.RECORD], "there is no such job"


@pytest.mark.parametrize("wrong", [{"commit": "d" * 40}, {"builder": "build2"}])
def test_a_manifest_of_another_commit_or_builder(
    store: Store, tmp_path: Path, wrong: dict[str, str]
) -> None:
    data = manifest_data(tmp_path, **wrong)
    succeed(store, data)
    assert kinds(store, data) == [Kind.RECORD]


def deviations(manifest: Manifest) -> list[tuple[Kind, str]]:
    pairs = [(file, manifest.place(file)) for file in manifest.files]
    return [(one.kind, one.file) for one in file_deviations(pairs)]


def test_each_file_that_deviates_is_named(tmp_path: Path) -> None:
    manifest = read_manifest(manifest_data(tmp_path))
    assert deviations(manifest) == []

    (tmp_path / "a.deb").write_text("dEb")
    assert deviations(manifest) == [(Kind.DIGEST, "a.deb")], "one flipped bit"
    (tmp_path / "a.deb").write_text("longer")
    (tmp_path / "b.jar").unlink()
    assert deviations(manifest) == [(Kind.SIZE, "a.deb"), (Kind.MISSING, "b.jar")]
    (tmp_path / "a.deb").unlink()
    (tmp_path / "a.deb").mkdir()
    assert (Kind.MISSING, "a.deb") in deviations(manifest)


def test_files_beside_a_manifest_count_and_else_those_on_the_builder(tmp_path: Path) -> None:
    data = manifest_data(tmp_path / "builder")
    copies = tmp_path / "copies"
    copies.mkdir()
    path = copies / "job-1-manifest.json"
    path.write_bytes(data)
    assert of_manifest(path).folder == tmp_path / "builder"

    (copies / "b.jar").write_text("jar")
    [target] = of_folder(copies)
    assert target.folder == copies
    found = [(one.kind, one.file) for one in file_deviations(target.files)]
    assert found == [(Kind.MISSING, "a.deb")]

    workspace = tmp_path / "builder/manifest.json"
    workspace.write_bytes(data)
    assert of_manifest(workspace).folder == tmp_path / "builder"

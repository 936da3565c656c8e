"""Which files a manifest names, and where their copies go."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from common.states import State
from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.model import BuilderProfile, Job
from coordination_tasks.farm.artifacts.copies import fetch
from coordination_tasks.farm.artifacts.published import Published, find_published
from coordination_tasks.repository.memory import MemoryRemote, MemoryRepository
from coordination_tasks.store.attempt_commands import Completion
from coordination_tasks.store.store import Store


def entry(path: str, content: str = "", **changed: object) -> dict[str, object]:
    digest = hashlib.sha256(content.encode()).hexdigest()
    size = len(content.encode())
    name = Path(path).name
    return {
        "name": name,
        "path": path,
        "size_bytes": size,
        "checksums": {"sha256": digest},
    } | changed


def found(folder: Path, *entries: dict[str, object]) -> Published:
    store = Store(MemoryRepository(MemoryRemote()), BuilderProfile(id="build1"))
    store.enqueue(Job(id="job", pipeline="m", branch="main"))
    attempt = store.claim(claim_id="claim", pipelines={"m": ()})
    manifest = json.dumps({"build_dir": str(folder), "artifacts": entries}).encode()
    store.complete(attempt, Completion(state=State.SUCCEEDED, manifest=manifest))
    return find_published(store.snapshot(), "job")


def test_artifacts_of_the_same_name_keep_their_folders(tmp_path: Path) -> None:
    contents = {"core/app.jar": "core", "web/app.jar": "web", "web/app.deb": "deb"}
    for path, content in contents.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(content)
    artifacts = found(tmp_path, *(entry(path, content) for path, content in contents.items()))
    for _ in ("copied", "there already"):
        copies = fetch(artifacts, tmp_path / "here", is_here=True)
        names = [str(copy.relative_to(tmp_path / "here")) for _, copy in copies]
        assert names == ["core/app.jar", "web/app.jar", "app.deb"]
        assert [copy.read_text() for _, copy in copies] == ["core", "web", "deb"]


@pytest.mark.parametrize(
    "broken",
    [
        entry("../x"),
        entry("/etc/x"),
        entry("x", name=".."),
        entry("x", name="a/b"),
        entry("x", name="a\0b"),
        entry("x", name="\ud800"),
        entry("a\0b", name="x"),
        entry("x", checksums={"md5": "0"}),
        entry("x", checksums=["sha256"]),
        entry("x", size_bytes="many"),
    ],
)
def test_an_entry_that_names_no_file_below_the_folder_is_refused(
    tmp_path: Path, broken: dict[str, object]
) -> None:
    with pytest.raises(BrokenDocument, match="the manifest of job job is unreadable"):
        found(tmp_path, entry("good.txt"), broken)

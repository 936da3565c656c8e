from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.artifacts.manifest import how_made, manifest_bytes, says_the_same
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import StepResult
from pipelines.steps.artifact_manifest import ArtifactManifest, ArtifactManifestOptions
from pipelines.workspace.layout import Workspace
from tests.support.debs import make_deb
from tests.support.documents import bill_problem, statement_problem
from tests.support.manifests import manifest_schema
from tests.support.pipelines.tiny_package import git, make_source, step_context

FIRST = datetime(2025, 11, 1, 12, 0, 0, tzinfo=UTC)
LATER = datetime(2025, 11, 2, 12, 0, 0, tzinfo=UTC)
UPSTREAM: dict[str, dict[str, Any]] = {
    "git-checkout": {"branch": "main"},
    "build-deb": {
        "version": "not provenance",
        "packages": [{"name": "b", "grade": "dummied", "dummies": ["python"], "without": []}],
        "grade": "dummied",
        "rungs": [{"group": "python", "rung": "dummy", "reason": "gone"}],
        "substitutions": [{"package": "python"}],
        "toolchain": {"dpkg-dev": "1.21.22"},
        "commands": ["dpkg-buildpackage -b"],
        "lintian": {"error_count": 0, "warning_count": 0, "errors": {}, "warnings": {}},
        "install_test": {"installs": True, "how": "in a temporary root"},
    },
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "state", "job_1", 1)
    make_source(workspace)
    workspace.packages.mkdir(parents=True)
    (workspace.packages / "b_1~x_all.deb").write_bytes(b"package\n" * 300_000)
    (workspace.packages / "a_1_amd64.changes").write_text("")
    return workspace


def run(workspace: Workspace, *paths: str, now: datetime = FIRST) -> StepResult:
    context = step_context(
        workspace,
        step="artifact-manifest",
        upstream=UPSTREAM,
        repository="https://user:secret@git.example.org/tiny.git",
    )
    durations = {"git-checkout": 1.5, "unknown": None, "artifact-manifest": 9.0}
    context = replace(context, durations=durations)
    return ArtifactManifest(now=lambda: now).run(ArtifactManifestOptions(paths=paths), context)


def manifest(workspace: Workspace) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(workspace.manifest.read_text())
    return document


def test_manifest_has_the_keys_of_the_coordination_repository(workspace: Workspace) -> None:
    result = run(workspace)

    document = manifest(workspace)
    assert list(document) == [
        *("job_id", "server", "branch", "commit", "created_at", "build_dir"),
        *("artifacts", "artifact_count", "total_size_bytes", "provenance", "documents"),
    ]
    assert document["job_id"] == "job_1"
    assert document["server"] == "build1"
    assert document["branch"] == "main"
    assert document["commit"] == git(workspace.source, "rev-parse", "HEAD").strip()
    assert document["created_at"] == "2025-11-01T12:00:00Z"
    assert document["artifact_count"] == 2
    assert document["total_size_bytes"] == 2_400_000
    assert [artifact["name"] for artifact in document["artifacts"]] == [
        "a_1_amd64.changes",
        "b_1~x_all.deb",
    ]
    assert result.outputs == (workspace.manifest, workspace.bill, workspace.provenance)
    assert result.values == {"artifact_count": 2, "total_size_bytes": 2_400_000}


def test_the_documents_fit_their_schemas_and_have_the_digests_of_the_manifest(
    workspace: Workspace,
) -> None:
    info = "Source: tiny\nInstalled-Build-Depends: gcc (= 4:12.2.0-3), libc6:i386 (= 2.36-9)\n"
    (workspace.packages / "b_1_amd64.buildinfo").write_text(info)

    run(workspace)

    bill, told = workspace.bill.read_bytes(), workspace.provenance.read_bytes()
    assert bill_problem(bill) is None
    assert statement_problem(told) is None
    documents = manifest(workspace)["documents"]
    for role, data in (("sbom", bill), ("provenance", told)):
        assert documents[role]["checksums"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert [one["purl"] for one in json.loads(bill)["components"]] == [
        "pkg:deb/debian/gcc@4:12.2.0-3",
        "pkg:deb/debian/libc6@2.36-9?arch=i386",
    ]
    subjects = {one["name"]: one["digest"]["sha256"] for one in json.loads(told)["subject"]}
    artifacts = manifest(workspace)["artifacts"]
    assert subjects == {one["path"]: one["checksums"]["sha256"] for one in artifacts}
    assert "secret" not in told.decode()


def test_the_same_build_has_the_same_documents_but_for_the_details_of_the_run(
    workspace: Workspace, tmp_path: Path
) -> None:
    other = Workspace(tmp_path / "elsewhere", "job_2", 1)
    other.root.parent.mkdir(parents=True)
    shutil.copytree(workspace.root, other.root)

    run(workspace)
    run(other, now=LATER)

    assert workspace.bill.read_bytes() == other.bill.read_bytes()
    one, two = (json.loads(w.provenance.read_bytes()) for w in (workspace, other))
    assert one != two
    for told in (one, two):
        del told["predicate"]["runDetails"]
    assert one == two


def test_documents_that_say_nothing_new_are_left_as_they_are(workspace: Workspace) -> None:
    run(workspace)
    before = workspace.provenance.read_bytes()
    workspace.bill.write_bytes(b"broken")

    run(workspace, now=LATER)

    assert workspace.provenance.read_bytes() == before
    assert bill_problem(workspace.bill.read_bytes()) is None
    workspace.provenance.write_bytes(b"[]")
    run(workspace, now=LATER)
    assert statement_problem(workspace.provenance.read_bytes()) is None


@pytest.mark.parametrize("algorithm", ["md5", "sha256", "sha512"])
def test_digests_are_those_of_coreutils(workspace: Workspace, algorithm: str) -> None:
    run(workspace)

    document = manifest(workspace)
    lines = "".join(
        f"{artifact['checksums'][algorithm]}  {document['build_dir']}/{artifact['path']}\n"
        for artifact in document["artifacts"]
    )
    subprocess.run([f"{algorithm}sum", "--check", "--strict"], input=lines, text=True, check=True)


def test_provenance(workspace: Workspace) -> None:
    run(workspace)

    assert manifest(workspace)["provenance"] == {
        "format": 2,
        "attempt": 1,
        "builder": "build1",
        "pipeline": "tiny",
        "plan": "5" * 64,
        "source_repository": "https://git.example.org/tiny.git",
        "tree": git(workspace.source, "rev-parse", "HEAD^{tree}").strip(),
        "commit_time": "2025-10-30T13:51:39Z",
        "describe": git(workspace.source, "rev-parse", "--short=12", "HEAD").strip(),
        "dirty": False,
        "durations": {"git-checkout": 1.5},
        "steps": {"build-deb": {k: v for k, v in UPSTREAM["build-deb"].items() if k != "version"}},
    }
    assert "secret" not in workspace.manifest.read_text()


def test_the_tag_before_the_commit_and_changes_of_its_files_are_told(workspace: Workspace) -> None:
    git(workspace.source, "tag", "4.21")
    (workspace.source / "unknown.txt").write_text("")
    run(workspace)
    provenance = manifest(workspace)["provenance"]
    assert (provenance["describe"], provenance["dirty"]) == ("4.21", False)

    (workspace.source / "hello.txt").write_text("changed")
    git(workspace.source, "commit", "--allow-empty", "-m", "next")
    run(workspace)
    provenance = manifest(workspace)["provenance"]
    assert provenance["describe"].startswith("4.21-1-g")
    assert provenance["dirty"] is True


def test_a_package_has_its_fields_and_names_the_files_that_list_it(workspace: Workspace) -> None:
    package = make_deb(workspace.packages, "tiny", version="1.0-1")
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    other = f"{'0' * 64} 1 b_1~x_all.deb"
    for name in ("tiny_1.0-1_amd64.changes", "tiny_1.0-1_amd64.buildinfo"):
        lines = f"Checksums-Sha256:\n {digest} 1 {package.name}\n {other}\n"
        (workspace.packages / name).write_text(f"Source: tiny\n{lines}")

    run(workspace)

    entries = {entry["name"]: entry for entry in manifest(workspace)["artifacts"]}
    entry = entries[package.name]
    assert entry["media_type"] == "application/vnd.debian.binary-package"
    assert entry["control"]["Package"] == "tiny"
    assert entry["control"]["Version"] == "1.0-1"
    assert entry["listed_in"] == ["tiny_1.0-1_amd64.buildinfo", "tiny_1.0-1_amd64.changes"]
    assert entries["b_1~x_all.deb"]["control"] is None, "it is no package"
    assert "listed_in" not in entries["b_1~x_all.deb"], "another content"


def test_it_fits_the_published_schema_and_is_canonical(workspace: Workspace) -> None:
    make_deb(workspace.packages, "tiny", version="1.0-1")
    run(workspace)

    document = manifest(workspace)
    validator = manifest_schema()
    validator.validate(document)
    assert workspace.manifest.read_bytes() == manifest_bytes(document)
    assert document["artifacts"] == sorted(document["artifacts"], key=lambda entry: entry["path"])
    wrong: list[dict[str, Any]] = [{"commit": "x"}, {"artifacts": [{"name": "a/b"}]}]
    for broken in (*wrong, {"provenance": {}}):
        assert not validator.is_valid({**document, **broken})


def test_the_same_again_keeps_file_and_time(workspace: Workspace) -> None:
    run(workspace)
    before = workspace.manifest.stat()

    run(workspace, now=LATER)

    after = workspace.manifest.stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )
    (workspace.packages / "b_1~x_all.deb").write_bytes(b"another")
    run(workspace, now=LATER)
    assert manifest(workspace)["created_at"] == "2025-11-02T12:00:00Z"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_broken_manifest_is_replaced(workspace: Workspace, content: bytes) -> None:
    workspace.manifest.write_bytes(content)

    run(workspace)

    assert manifest(workspace)["artifact_count"] == 2
    assert [p.name for p in workspace.root.glob(".*")] == []


def test_patterns_in_the_source(workspace: Workspace) -> None:
    target = workspace.source / "core/target"
    target.mkdir(parents=True)
    (target / "core.jar").write_text("jar")
    (target / "leak.jar").symlink_to("/etc/hostname")

    run(workspace, "**/target/*.jar", "hello.txt", "core/**/*.jar", "core/**")

    assert [artifact["path"] for artifact in manifest(workspace)["artifacts"]] == [
        "build/source/core/target/core.jar",
        "build/source/hello.txt",
    ]


def test_an_artifact_that_is_a_link_out_of_the_source_is_told(workspace: Workspace) -> None:
    leak = workspace.source / "leak.deb"
    leak.symlink_to("/etc/hostname")
    context = replace(step_context(workspace, step="artifact-manifest"), artifacts=[leak])
    with pytest.raises(StepFailed, match=r"leak\.deb .* is a link to a file outside") as caught:
        ArtifactManifest(now=lambda: FIRST).run(ArtifactManifestOptions(), context)
    assert caught.value.code is FailureCode.BAD_OUTPUT


def test_no_artifact_is_a_failure(workspace: Workspace) -> None:
    for path in workspace.packages.iterdir():
        path.unlink()
    with pytest.raises(StepFailed, match="no package") as caught:
        run(workspace)
    assert caught.value.code is FailureCode.ARTIFACT_MISSING

    with pytest.raises(StepFailed, match=r"matches 'gone/\*'") as caught:
        run(workspace, "hello.txt", "gone/*")
    assert caught.value.code is FailureCode.ARTIFACT_MISSING
    assert not workspace.manifest.exists()


def test_a_name_that_is_no_text_is_told(workspace: Workspace) -> None:
    (workspace.source / os.fsdecode(b"a\xff.bin")).touch()
    with pytest.raises(StepFailed, match=r"artifact 'a\\xff\.bin' is not UTF-8") as caught:
        run(workspace, "*.bin")
    assert caught.value.code is FailureCode.BAD_OUTPUT


@pytest.mark.parametrize("pattern", ["", "/etc/*", "../*", "a/../../b"])
def test_patterns_that_lead_out_of_the_source(pattern: str) -> None:
    with pytest.raises(ValidationError, match="inside the source"):
        ArtifactManifestOptions(paths=(pattern,))


def test_identity_has_what_of_the_job_is_written(workspace: Workspace) -> None:
    context = step_context(workspace)

    identity = ArtifactManifest().identity(ArtifactManifestOptions(), context)

    assert identity == {
        "job": "job_1",
        "branch": "main",
        "commit": "",
        "plan": "5" * 64,
        "steps": "{}",
    }


def test_comparison_ignores_the_time_alone() -> None:
    assert says_the_same({"created_at": "x", "a": 1}, {"created_at": "y", "a": 1})
    assert not says_the_same({"created_at": "x", "a": 1}, {"created_at": "x", "a": 2})
    assert not says_the_same(None, {"created_at": "x"})


def test_steps_that_say_nothing_are_left_out() -> None:
    assert how_made({"a": {"branch": "main"}, "b": {"grade": "clean"}}) == {"b": {"grade": "clean"}}


def test_too_many_files_are_refused_with_what_to_do(workspace: Workspace) -> None:
    many = workspace.source / "many"
    many.mkdir()
    for number in range(5001):
        (many / f"{number}").touch()

    with pytest.raises(StepFailed, match=r"500\d files to list, at most 5000. Pack them") as told:
        run(workspace, "many/*")
    assert told.value.code is FailureCode.BAD_OUTPUT

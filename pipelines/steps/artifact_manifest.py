"""The step that lists what the job made: kind `artifact-manifest`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator

from common.atomic_files import write_durably
from common.yaml.validate import Several, Text
from pipelines.artifacts.bill import Product, bill_of_materials, read_resolved
from pipelines.artifacts.debian_files import BUILD_INFO, installed_packages
from pipelines.artifacts.manifest import (
    LIST,
    Origin,
    divided,
    document_entry,
    how_made,
    manifest_bytes,
    manifest_document,
    read_artifacts,
    says_the_same,
)
from pipelines.artifacts.provenance import Run, statement, statement_bytes
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Options, StepContext, StepResult
from pipelines.execution.success_records import SuccessRecords
from pipelines.git.head_commit import HeadCommit, describe_head, has_changes, read_head_commit
from pipelines.git.remote import public_url
from pipelines.git.tracked_files import check_names, files_that_match, nothing_matches
from pipelines.workspace.layout import folder_name

_MOST_FILES = 5_000
"""The list of so many has 2.5 MB."""


def _inside(pattern: str) -> str:
    path = PurePosixPath(pattern)
    if not pattern or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"expected a pattern of files inside the source tree, found '{pattern}'")
    return pattern


class ArtifactManifestOptions(Options):
    """Options of an `artifact-manifest` step."""

    paths: Several[Annotated[Text, AfterValidator(_inside)]] = ()
    """Patterns (`**` too) of files in the source tree; all finished packages when omitted. Files
    that steps name in `artifacts` are always listed."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ArtifactManifest:
    """Kind `artifact-manifest`. A manifest that differs only in its time is left unchanged."""

    now: Callable[[], datetime] = _now
    name = "artifact-manifest"
    summary = "list the artifacts, with sizes, checksums and provenance"
    options = ArtifactManifestOptions
    values = ("artifact_count", "total_size_bytes")

    def identity(
        self,
        options: ArtifactManifestOptions,  # noqa: ARG002
        context: StepContext,
    ) -> Mapping[str, str]:
        """The properties of the job that the manifest contains."""
        request = context.request
        return {
            "job": request.job_id,
            "branch": request.branch or "",
            "commit": request.commit or "",
            "plan": request.plan_digest,
            "steps": json.dumps(how_made(context.upstream), sort_keys=True),
        }

    def run(self, options: ArtifactManifestOptions, context: StepContext) -> StepResult:
        """Write the manifest. Raises StepFailed (ARTIFACT_MISSING, BAD_OUTPUT, CHECKOUT_FAILED)."""
        workspace = context.workspace
        paths = _artifact_paths(options, context)
        artifacts = read_artifacts(paths, workspace.root, context.commands.check_cancelled)
        commit = read_head_commit(workspace.source, context.env)
        document = manifest_document(
            _origin(context, commit),
            artifacts,
            _provenance(context, commit),
            self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        document = _with_documents(document, _bill(paths, context, commit), context)
        short, rest = divided(document)
        made = [workspace.manifest, workspace.bill, workspace.provenance]
        if rest is not None:
            made.append(workspace.root / LIST)
            write_durably(made[-1], rest)
        _write_if_new(workspace.manifest, short)
        return StepResult(
            reason=f"listed {len(artifacts)} file{'' if len(artifacts) == 1 else 's'}",
            outputs=tuple(made),
            complete=True,
            values={
                "artifact_count": document["artifact_count"],
                "total_size_bytes": document["total_size_bytes"],
            },
        )


ARTIFACT_MANIFEST = ArtifactManifest()


def _artifact_paths(options: ArtifactManifestOptions, context: StepContext) -> list[Path]:
    workspace = context.workspace
    if options.paths:
        found = {path for pattern in options.paths for path in _matches(workspace.source, pattern)}
    else:
        found = set(files_that_match(workspace.packages, "*"))
    paths = sorted(found | set(_inside_source(context)))
    if not paths:
        raise StepFailed(
            FailureCode.ARTIFACT_MISSING,
            "no package to list, and no earlier step names artifacts",
        )
    if len(paths) > _MOST_FILES:
        raise StepFailed(
            FailureCode.BAD_OUTPUT,
            f"{len(paths)} files to list, at most {_MOST_FILES}. Pack them into an archive, and"
            " list that.",
        )
    check_names(paths, workspace.source)
    return paths


def _inside_source(context: StepContext) -> list[Path]:
    """The artifacts of earlier steps."""
    root = context.workspace.source.resolve()
    for path in context.artifacts:
        if not path.is_file():
            raise StepFailed(
                FailureCode.ARTIFACT_MISSING, f"artifact {path.name} of an earlier step is missing"
            )
        if not path.resolve().is_relative_to(root):
            raise StepFailed(
                FailureCode.BAD_OUTPUT,
                f"artifact {path.name} of an earlier step is a link to a file outside the source"
                " tree. Copy that file instead.",
            )
    return list(context.artifacts)


def _matches(source: Path, pattern: str) -> list[Path]:
    root = source.resolve()
    # A link may lead out of the source tree to files that are no artifacts.
    files = files_that_match(root, pattern)
    found = [path for path in files if path.resolve().is_relative_to(root)]
    if not found:
        raise nothing_matches(source, pattern, f"no file in the source tree matches '{pattern}'")
    return [source / path.relative_to(root) for path in found]


def _origin(context: StepContext, commit: HeadCommit) -> Origin:
    request = context.request
    return Origin(
        job_id=request.job_id,
        builder=request.builder,
        branch=request.branch,
        commit=commit.sha,
        build_dir=str(context.workspace.root),
    )


def _provenance(context: StepContext, commit: HeadCommit) -> dict[str, Any]:
    request, source = context.request, context.workspace.source
    others = {step: seconds for step, seconds in context.durations.items() if step != context.step}
    return {
        "attempt": request.attempt,
        "builder": request.builder,
        "pipeline": request.pipeline or None,
        "plan": request.plan_digest or None,
        "source_repository": public_url(context.source.repository),
        "tree": commit.tree,
        "commit_time": commit.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "describe": describe_head(source, context.env),
        "dirty": has_changes(source, context.env),
        "durations": {step: seconds for step, seconds in others.items() if seconds is not None},
        "steps": how_made(context.upstream),
    }


def _bill(paths: Iterable[Path], context: StepContext, commit: HeadCommit) -> bytes:
    """What went in, as far as Maven and dpkg know it."""
    workspace = context.workspace
    name = public_url(context.source.repository).rstrip("/").rpartition("/")[2]
    infos = {path for path in paths if path.suffix == BUILD_INFO}
    return bill_of_materials(
        Product(name=name.removesuffix(".git") or "source", commit=commit.sha, time=commit.time),
        read_resolved(_resolved_by_steps(context)),
        installed_packages(sorted(infos | set(workspace.packages.glob(f"*{BUILD_INFO}")))),
    )


def _resolved_by_steps(context: StepContext) -> Iterator[Path]:
    """What Maven resolved in the steps that succeeded."""
    workspace = context.workspace
    successes = SuccessRecords(workspace.successes)
    for step in context.steps:
        file = workspace.dependencies(step.name)
        success = successes.read(step.name) if file.is_file() else None
        if success and str(file.relative_to(workspace.root)) in success.outputs:
            yield file


def _with_documents(document: dict[str, Any], bill: bytes, context: StepContext) -> dict[str, Any]:
    """The manifest with its documents, which are written."""
    workspace, request = context.workspace, context.request
    prefix = f"{folder_name(request.job_id)}-{request.attempt}"
    entry = document_entry(f"{prefix}-{workspace.bill.name}", workspace.bill.name, bill)
    run = Run(params=request.params, started=request.started)
    old = workspace.provenance.read_bytes() if workspace.provenance.is_file() else None
    told = statement_bytes(statement(document, entry, run), old)
    name = workspace.provenance.name
    for path, data in ((workspace.bill, bill), (workspace.provenance, told)):
        if not path.is_file() or path.read_bytes() != data:
            write_durably(path, data)
    provenance = document_entry(f"{prefix}-{name}", name, told)
    return {**document, "documents": {"sbom": entry, "provenance": provenance}}


def _write_if_new(path: Path, document: Mapping[str, Any]) -> None:
    if not says_the_same(_read(path), document):
        write_durably(path, manifest_bytes(document))


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        # A missing or broken manifest is written anew.
        return None

"""Everything that can go wrong while a commit becomes packages: one class per cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from common.errors import ApplicationError
from common.yaml.findings import Finding

Value = TypeVar("Value")


class PipelineError(ApplicationError):
    """Base of all errors that `pipelines` raises on purpose; `str()` is one readable line."""


class BadPipelineFile(PipelineError, ValueError):
    """`pipelines.yaml` has errors; the text has each of them as `file:line:column: message`."""

    exit_code = 3
    names_place = True

    def __init__(self, message: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class UnusableKind(PipelineError):
    """A step kind of an installed package cannot be used; the text says which one and why."""

    exit_code = 3


class BadValue(PipelineError, ValueError):
    """A branch, commit, id or path from outside is invalid; the text has the value, shortened."""

    exit_code = 3


class UnusablePlan(PipelineError, ValueError):
    """A builder cannot build the plan that a job was claimed with; the text says why."""

    exit_code = 3


class FailureCode(StrEnum):
    """Why a step failed, for programs; the failure's message is for people."""

    COMMAND_FAILED = "COMMAND_FAILED"
    BAD_REQUEST = "BAD_REQUEST"
    SOURCE_UNREACHABLE = "SOURCE_UNREACHABLE"
    COMMIT_NOT_FOUND = "COMMIT_NOT_FOUND"
    CHECKOUT_FAILED = "CHECKOUT_FAILED"
    TOOL_MISSING = "TOOL_MISSING"
    BUILD_DEPENDS = "BUILD_DEPENDS"
    PACKAGING_FAILED = "PACKAGING_FAILED"
    ARTIFACT_MISSING = "ARTIFACT_MISSING"
    MAVEN_COMPILE = "MAVEN_COMPILE"
    MAVEN_TEST = "MAVEN_TEST"
    MAVEN_DEPENDENCY = "MAVEN_DEPENDENCY"
    MAVEN_ENFORCER = "MAVEN_ENFORCER"
    MAVEN_POM = "MAVEN_POM"
    MAVEN_FAILED = "MAVEN_FAILED"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    DISK_FULL = "DISK_FULL"
    NETWORK = "NETWORK"
    TIMEOUT = "TIMEOUT"
    SILENT = "SILENT"
    BAD_OUTPUT = "BAD_OUTPUT"
    EVIDENCE_MISSING = "EVIDENCE_MISSING"
    KILLED = "KILLED"
    INTERNAL = "INTERNAL"


class StepFailed(PipelineError):
    """A step ended without its result.

    `excerpt` holds the lines of the tool's own output that show why (at most 2 kB); `retryable`
    says whether the unchanged step could succeed on another try; `details` holds further JSON
    values for programs (`module`, `places`, `tests`, ...).
    """

    def __init__(
        self,
        code: FailureCode,
        message: str,
        *,
        excerpt: str = "",
        retryable: bool = False,
        log: Path | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.excerpt = excerpt
        self.retryable = retryable
        self.log = log
        self.details = dict(details or {})


class StepCancelled(PipelineError):
    """The build was asked to stop while the step ran; its process tree has ended."""


def configured(known: Mapping[str, Value], name: str, what: str, key: str) -> Value:
    """What `key` of builder.yaml has under this name. Raises StepFailed with the known names."""
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise StepFailed(
            FailureCode.BAD_REQUEST,
            f"unknown {what} '{name}' (known: {names}). Add it to `{key}` in builder.yaml.",
        )
    return known[name]

"""Jobs that known people signed: what `doit enqueue` writes, and which jobs a builder runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.documents.codec import signed_content
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.artifacts.ssh_signatures import (
    SignatureRefused,
    check_signature_of_anybody,
    sign,
)
from coordination_tasks.store.operations.claim import Judge, trust_all

JOB_NAMESPACE = "job@build-coordination"
"""A signature for another purpose does not count."""
UNSIGNED = "it is not signed, and this builder runs signed jobs only (require_signed_jobs)"


def job_signer(config: BuilderConfig) -> Callable[[Job], Job] | None:
    """Signs jobs that are about to be queued; None without a key. It raises BadConfiguration.

    A job must have its commit: what is left open, somebody else could fill in.
    """
    if config.signing_key is None:
        return None
    return partial(_signed, config.signing_key)


def job_judge(config: BuilderConfig) -> Judge:
    """Which jobs this builder runs, by their signatures. It raises BadConfiguration."""
    if not config.require_signed_jobs or config.allowed_signers is None:
        return trust_all
    return partial(_problem, config.allowed_signers)


def is_signed(config: BuilderConfig, job: Job) -> bool:
    """Whether somebody whom this builder knows signed the job. Raises BadConfiguration."""
    return config.allowed_signers is not None and not _problem(config.allowed_signers, job)


def _signed(key: Path, job: Job) -> Job:
    return replace(job, signature=sign(key, JOB_NAMESPACE, signed_content(job)))


def _problem(signers: Path, job: Job) -> str:
    if not job.signature:
        return UNSIGNED
    if job.commit is None:
        return "it names no commit, as a signed job must (require_signed_jobs)"
    if not job.signature.isascii():
        return "its signature is not one of ssh-keygen (require_signed_jobs)"
    content = signed_content(job)
    try:
        check_signature_of_anybody(job.signature, JOB_NAMESPACE, content, signers, at=utc_now())
    except SignatureRefused as error:
        return f"its signature does not count (require_signed_jobs): {error}"
    return ""

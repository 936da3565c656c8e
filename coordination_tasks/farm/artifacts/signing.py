"""Which key signs the manifests of this builder, and whose signatures count."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.domain.errors import UntrustedManifest
from coordination_tasks.farm.artifacts.published import Published
from coordination_tasks.farm.artifacts.ssh_signatures import (
    SignatureRefused,
    check_signature,
    sign,
)

MANIFEST_NAMESPACE = "manifest@build-coordination"
"""A signature for another purpose does not count."""


def manifest_signer(config: BuilderConfig) -> Callable[[bytes], str] | None:
    """Signs manifests; None if this builder does not. Raises BadConfiguration for a bad key."""
    if config.signing_key is None:
        return None
    signer = partial(sign, config.signing_key, MANIFEST_NAMESPACE)
    signer(b"")  # a key that is missing or needs a passphrase is told before a job is built
    return signer


def signed_by(published: Published, signers: Path) -> str:
    """The fingerprint of the key with which the builder signed the manifest.

    The key must have been valid when the success was recorded. Raises SignatureRefused,
    BadConfiguration.
    """
    if not published.signature:
        raise SignatureRefused("the manifest is not signed")
    return check_signature(
        published.signature,
        MANIFEST_NAMESPACE,
        published.manifest.data,
        signers,
        principal=published.builder,
        at=published.at,
    )


def require_signature(published: Published, signers: Path | None) -> None:
    """Raise UntrustedManifest, or BadConfiguration; `signers` None: signatures do not matter."""
    if signers is not None:
        try:
            signed_by(published, signers)
        except SignatureRefused as error:
            raise UntrustedManifest(f"job {published.job}: {error}") from error

"""Keys that ssh-keygen makes."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make_key(path: Path, passphrase: str = "") -> str:
    """A key pair; returns the line of its public key without comment."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", str(path)],
        check=True,
    )
    return path.with_name(f"{path.name}.pub").read_text().strip()

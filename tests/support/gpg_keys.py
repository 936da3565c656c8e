"""OpenPGP keys in a home of their own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.debs import EPOCH


def make_gpg_key(home: Path, user: str = "farm@example.org", expires: str = "never") -> Path:
    """A key without passphrase in `home`; returns the file of its public key, for apt.

    `expires` counts from EPOCH, like `1d`.
    """
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--no-tty"]
    begun = f"--faked-system-time={EPOCH}"
    subprocess.run(
        [*gpg, begun, "--passphrase", "", "--quick-gen-key", user, "ed25519", "sign", expires],
        check=True,
        capture_output=True,
    )
    public = home / "public.gpg"
    subprocess.run([*gpg, "--output", str(public), "--export", user], check=True)
    return public

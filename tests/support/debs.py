"""Real Debian packages, each made by dpkg-deb within a moment."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

EPOCH = 1_761_832_299


def make_deb(
    folder: Path, name: str, *, version: str = "1.0", text: str = "hello\n", epoch: int = EPOCH
) -> Path:
    """A package with one file, whose bytes depend on the arguments alone."""
    with tempfile.TemporaryDirectory() as temporary:
        tree = Path(temporary, name)
        content = tree / "usr/share" / name / "hello.txt"
        control = tree / "DEBIAN/control"
        for path in (content, control):
            path.parent.mkdir(parents=True)
        content.write_text(text)
        fields = {
            "Package": name,
            "Version": version,
            "Architecture": "all",
            "Maintainer": "Tiny Developers <tiny@example.org>",
            "Description": "says hello",
        }
        control.write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
        for path in (*tree.rglob("*"), tree):
            path.chmod(0o755 if path.is_dir() else 0o644)
            os.utime(path, (epoch, epoch))
        folder.mkdir(parents=True, exist_ok=True)
        package = folder / f"{name}_{version.partition(':')[2] or version}_all.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(tree), str(package)],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
        )
    return package

"""The example of a C program, built and run: with this machine's compiler and dpkg."""

from __future__ import annotations

import shutil
import subprocess
from fnmatch import fnmatch

import pytest

from tests.conftest import Farm
from tests.integration.docs.test_examples import build, names

pytestmark = [
    pytest.mark.slow,
    pytest.mark.host,
    pytest.mark.skipif(shutil.which("dpkg-buildpackage") is None, reason="needs dpkg-dev"),
]


def test_a_debian_package_without_maven(farm: Farm) -> None:
    manifest = build(farm, "c-package")
    (package,) = [name for name in names(manifest) if fnmatch(name, "hello-from-c_*.deb")]
    path = next((farm.folder / "state").rglob(package))
    unpacked = farm.folder / "unpacked"
    subprocess.run(["dpkg-deb", "--extract", path, unpacked], check=True)
    greeting = subprocess.check_output([unpacked / "usr/bin/hello-from-c", "you"], text=True)
    assert greeting == "hello, you\n"
    assert manifest["provenance"]["steps"]["build-deb"]["grade"] == "clean"

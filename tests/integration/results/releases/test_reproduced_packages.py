"""A sample package is bit-identical over path, time, locale, time zone, umask and processors."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import HOME, git

STEPS = """
pipelines:
  sample:
    description: a sample package
    source: {{repository: {source}}}
    steps:
      - uses: git-checkout
      - uses: build-deb
        with:
          lintian: false
          install_test: none
          allow_dummies: [python, python2, python-setuptools]
      - uses: artifact-manifest
      - {{uses: publish-status, when: always}}
"""
CONFIG = """
builder: {builder}
coordination_repository: {root}/coordination.git
state_dir: ./state
pipelines_file: {root}/pipelines.yaml
"""
USUAL = ("env", "LC_ALL=C.UTF-8", "TZ=UTC", "sh", "-c", 'umask 022; exec "$@"', "-")
OTHERWISE = (
    *("env", "LANG=tr_TR.UTF-8", "LC_ALL=de_DE.UTF-8", "TZ=Asia/Tokyo"),
    *("taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))),
    *("sh", "-c", 'umask 077; exec "$@"', "-"),
)


def doit(config: Path, *words: str, how: tuple[str, ...] = ()) -> str:
    done = subprocess.run(
        [*how, sys.executable, "-m", "doit", *words],
        cwd=HOME,
        env={**os.environ, "BUILDER_CONFIG": str(config)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(shutil.which("dpkg-buildpackage") is None, reason="no dpkg-dev")
@pytest.mark.slow
@pytest.mark.parametrize("sample", ["c-package", "sample"])
def test_two_builders_make_the_same_bytes(tmp_path: Path, sample: str) -> None:
    source = tmp_path / f"{sample}.git"
    subprocess.run([HOME / "scripts/make-source", HOME / "examples" / sample, source], check=True)
    git("init", "--quiet", "--bare", "--initial-branch=main", str(tmp_path / "coordination.git"))
    (tmp_path / "pipelines.yaml").write_text(STEPS.format(source=source))
    one, two = (tmp_path / folder / "builder.yaml" for folder in ("a", "elsewhere/and-longer"))
    for builder, config in (("build1", one), ("build2", two)):
        config.parent.mkdir(parents=True)
        config.write_text(CONFIG.format(builder=builder, root=tmp_path))

    job = doit(one, "enqueue", "--pipeline", "sample", "--branch", "main")
    doit(one, "build", how=USUAL)
    again = doit(one, "reproduce", job, "--on", "build2")
    doit(two, "build", how=OTHERWISE)

    assert f"reproduced by build2 ({again})" in doit(one, "status", job)
    first, second = (
        config.parent / "state" / builder / "jobs" / name
        for config, builder, name in ((one, "build1", job), (two, "build2", again))
    )
    packages = sorted(path.name for path in (first / "packages").glob("*.deb"))
    assert packages
    for name in packages:
        same = (first / "packages" / name).read_bytes() == (second / "packages" / name).read_bytes()
        assert same, name
    doit(one, "compare", str(first / "packages"), str(second / "packages"))
    assert (first / "sbom.cdx.json").read_bytes() == (second / "sbom.cdx.json").read_bytes()
    made = [json.loads((f / "provenance.intoto.json").read_bytes()) for f in (first, second)]
    assert made[0]["predicate"]["buildDefinition"] == made[1]["predicate"]["buildDefinition"]

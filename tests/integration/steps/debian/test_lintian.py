"""The summary of lintian: its output read, and the real lintian on a real package."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.steps.debian.checks.lintian import run_lintian, summarise
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.workspace.layout import Workspace
from tests.support.pipelines.tiny_package import build, make_source, step_context

OUTPUT = """\
warning: running with root privileges is not recommended!
E: greeter: missing-dependency-on-libc needed by [usr/bin/greeter]
E: greeter-common: no-copyright-file
E: greeter: no-copyright-file
W: greeter source: no-nmu-in-changelog
W: greeter changes: distribution-and-changes-mismatch unstable bookworm
I: greeter: no-md5sums-control-file
N: 1 hint overridden (1 error)
"""


def test_counts_by_tag_whatever_a_hint_is_about() -> None:
    summary = summarise(OUTPUT.splitlines())

    assert summary.errors == {"missing-dependency-on-libc": 1, "no-copyright-file": 2}
    assert summary.warnings == {
        "distribution-and-changes-mismatch": 1,
        "no-nmu-in-changelog": 1,
    }
    assert summary.words() == "lintian: 3 errors, 2 warnings"


@pytest.mark.slow
def test_a_real_package_without_a_copyright_file(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "state", "job_1", 1)
    make_source(workspace)

    result = build(workspace, BuildDebOptions(lintian=True))

    said = result.values["lintian"]
    assert said["errors"]["no-copyright-file"] == 1
    assert said["error_count"] == sum(said["errors"].values())
    assert f"lintian: {said['error_count']} error" in result.reason


def test_a_lintian_that_fails_is_told_and_fails_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "state", "job_1", 1)
    context = step_context(workspace, env={"PATH": os.environ["PATH"]})

    summary = run_lintian(tmp_path / "gone.changes", context)

    assert summary.not_run is not None
    assert summary.not_run.startswith("it exited with ")
    assert summary.values() == {"not_run": summary.not_run}


@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_a_machine_without_lintian_says_so(tmp_path: Path, path: str) -> None:
    context = step_context(Workspace(tmp_path, "job_1", 1), env={"PATH": path})

    summary = run_lintian(tmp_path / "any.changes", context)

    assert summary.words() == "lintian: lintian is not installed"

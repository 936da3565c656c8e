"""Faults of debian/ that preflight finds, and an install test that has to succeed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.debian.checks.installability import InstallTest, check_install_test
from pipelines.steps.debian.checks.source_package import check_source_package
from pipelines.steps.debian.dependencies.host import this_host
from pipelines.workspace.layout import Workspace
from tests.support.pipelines.tiny_package import CONTROL, RULES, make_source, step_context

pytestmark = pytest.mark.host


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("debian/rules", RULES.format(build="true").replace("\n", "\r\n"), "CR LF"),
        (
            "debian/control",
            CONTROL.format(more="").replace("Architecture: all\n", ""),
            "rchitecture",
        ),
        (
            "debian/control",
            CONTROL.format(more="").replace(": all\n", ": hurd-i386\n"),
            "hurd-i386",
        ),
    ],
)
def test_it_is_found_before_the_build(tmp_path: Path, path: str, text: str, message: str) -> None:
    workspace = Workspace(tmp_path / "state", "job_1", 1)
    make_source(workspace)
    check_source_package(step_context(workspace), this_host())
    (workspace.source / path).write_bytes(text.encode())

    with pytest.raises(StepFailed, match=message) as caught:
        check_source_package(step_context(workspace), this_host())

    assert caught.value.code is FailureCode.PACKAGING_FAILED


def test_packages_that_do_not_install_fail_the_step_only_where_that_is_asked_for() -> None:
    test = InstallTest(installs=False, how="simulated", problem=("Depends: gone",))
    check_install_test(test, required=False)
    with pytest.raises(StepFailed, match="Depends: gone"):
        check_install_test(test, required=True)

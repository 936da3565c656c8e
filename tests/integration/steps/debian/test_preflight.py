"""The step `preflight`, with the real apt and dpkg behind it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import Options, Step, StepContext
from pipelines.steps.debian.dependencies.host import this_host
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.steps.debian.step import BuildDeb
from pipelines.steps.gates.preflight import PREFLIGHT, PreflightOptions
from pipelines.steps.run import RUN
from pipelines.workspace.layout import Workspace
from tests.support.pipelines.local_apt import LocalApt, make_local_apt
from tests.support.pipelines.tiny_package import make_source, step_context

pytestmark = pytest.mark.host

OPTIONS = PreflightOptions()


@pytest.fixture(scope="module")
def apt(tmp_path_factory: pytest.TempPathFactory) -> LocalApt:
    return make_local_apt(
        tmp_path_factory.mktemp("apt"), {"small-thing": "1.2", "other-thing": "3:1"}
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "state", "job_1", 1)


def context(
    workspace: Workspace, apt: LocalApt, options: BuildDebOptions, *, is_root: bool = True
) -> StepContext:
    host = replace(this_host(), admindir=apt.admindir, is_root=is_root)
    kinds: list[tuple[str, Any, Options]] = [
        ("preflight", PREFLIGHT, OPTIONS),
        ("compile", RUN, RUN.options(script="true")),
        ("build-deb", BuildDeb(host=lambda: host), options),
    ]
    steps = tuple(
        Step(name=name, kind=kind, options=given, needs=()) for name, kind, given in kinds
    )
    return replace(step_context(workspace, env=apt.env, step="preflight"), steps=steps)


def test_each_item_is_solved(workspace: Workspace, apt: LocalApt) -> None:
    wanted = (
        "gone-thing (>= 9) | small-thing (>= 1.1), other-thing (>= 3:1~), goner (>= 2),"
        " not-here [hurd-any], neither <!nodoc>"
    )
    make_source(workspace, build_depends=wanted)
    options = BuildDebOptions(allow_dummies=("goner",), build_profiles=("nodoc",))
    before = (apt.admindir / "status").read_text()

    result = PREFLIGHT.run(OPTIONS, context(workspace, apt, options))

    assert result.reason == "build-deb: 5 build dependencies: 2 met, 2 apt, 1 dummy"
    log = workspace.log("preflight").read_text()
    assert "# met: debhelper-compat (= 13): it is installed" in log
    assert "# installable: gone-thing (>= 9) | small-thing (>= 1.1): apt has small-thing 1.2" in log
    assert "# installable: other-thing (>= 3:1~): apt has other-thing 3:1" in log
    assert "# gone: goner (>= 2): apt: goner (>= 2) but it is not installable" in log
    assert (apt.admindir / "status").read_text() == before
    assert not workspace.packages.exists()


@pytest.mark.parametrize(
    ("wanted", "options", "is_root", "code", "message"),
    [
        ("goner", {}, True, FailureCode.BUILD_DEPENDS, "'goner'"),
        (
            "small-thing (>= 2)",
            {},
            True,
            FailureCode.BUILD_DEPENDS,
            r"'small-thing \(>= 2\)'",
        ),
        (
            "openjdk-99-jdk",
            {"allow_dummies": ("openjdk-99-jdk",)},
            True,
            FailureCode.BUILD_DEPENDS,
            "openjdk-99-jdk",
        ),
        ("small-thing", {}, False, FailureCode.BUILD_DEPENDS, "Run `sudo apt-get"),
        ("debhelper\nBuild-Conflicts: dpkg", {}, True, FailureCode.BUILD_DEPENDS, "conflict"),
        ("", {"tools": ("no-such-tool",)}, True, FailureCode.TOOL_MISSING, "no-such-tool"),
        ("", {"jdk": "99"}, True, FailureCode.TOOL_MISSING, "99"),
        ("", {"script": "no.sh"}, True, FailureCode.PACKAGING_FAILED, r"no\.sh"),
    ],
)
def test_what_can_not_be_packaged_here(
    workspace: Workspace,
    apt: LocalApt,
    wanted: str,
    options: dict[str, Any],
    is_root: bool,
    code: FailureCode,
    message: str,
) -> None:
    make_source(workspace, build_depends=wanted)
    given = context(workspace, apt, BuildDebOptions(**options), is_root=is_root)

    with pytest.raises(StepFailed, match=message) as caught:
        PREFLIGHT.run(OPTIONS, given)

    assert caught.value.code is code


@pytest.mark.parametrize("gone", ["control", "changelog"])
def test_a_source_that_is_no_package(workspace: Workspace, apt: LocalApt, gone: str) -> None:
    make_source(workspace)
    (workspace.source / "debian" / gone).unlink()

    with pytest.raises(StepFailed, match=f"no debian/{gone}") as caught:
        PREFLIGHT.run(OPTIONS, context(workspace, apt, BuildDebOptions()))

    assert caught.value.code is FailureCode.PACKAGING_FAILED


def test_it_asks_again_when_control_or_machine_changed(
    workspace: Workspace, tmp_path: Path
) -> None:
    apt = make_local_apt(tmp_path / "apt", {})
    make_source(workspace)
    given = context(workspace, apt, BuildDebOptions())
    first = PREFLIGHT.identity(OPTIONS, given)
    assert PREFLIGHT.identity(OPTIONS, given) == first

    with (workspace.source / "debian/control").open("a") as control:
        control.write("\n")
    second = PREFLIGHT.identity(OPTIONS, given)
    assert second != first
    with (apt.admindir / "status").open("a") as status:
        status.write("\n")
    assert PREFLIGHT.identity(OPTIONS, given) not in (first, second)
    more = context(workspace, apt, BuildDebOptions(allow_forced=True))
    assert PREFLIGHT.identity(OPTIONS, more) != PREFLIGHT.identity(OPTIONS, given)


def test_nothing_to_check(workspace: Workspace) -> None:
    step = Step(name="preflight", kind=PREFLIGHT, options=OPTIONS, needs=())
    given = replace(step_context(workspace, step="preflight"), steps=(step,))

    assert PREFLIGHT.run(OPTIONS, given).reason == "no later step has anything to check"

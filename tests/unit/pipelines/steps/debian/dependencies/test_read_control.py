from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.steps.debian.dependencies.host import Host, architecture_test
from pipelines.steps.debian.dependencies.install import read_control
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.workspace.layout import Workspace
from tests.support.pipelines.tiny_package import CONTROL, step_context

HOST = Host(codename="bookworm", is_root=False, concerned=architecture_test("amd64"))


@pytest.mark.parametrize(
    ("given", "jdk"),
    [
        ({"isolation": "chroot"}, []),
        ({"isolation": "host", "jdk": "21"}, []),
        (
            {"isolation": "chroot", "jdk": "21"},
            ["openjdk-21-jdk-headless | temurin-21-jdk"],
        ),
    ],
)
def test_a_clean_root_installs_the_jdk_of_the_options(
    tmp_path: Path, given: dict[str, str], jdk: list[str]
) -> None:
    workspace = Workspace(tmp_path, "job_1", 1)
    control = workspace.source / "debian" / "control"
    control.parent.mkdir(parents=True)
    control.write_text(CONTROL.format(more=""))
    options = BuildDebOptions.model_validate(given)

    found = read_control(options, step_context(workspace), HOST)

    own = ["build-essential:native", "debhelper-compat (= 13)"]
    assert [str(group) for group in found.build_depends] == [*own, *jdk]

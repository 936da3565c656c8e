"""Each code that packaging fails of, from real tools that really fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.workspace.layout import Workspace
from tests.support.pipelines.tiny_package import build, make_source

pytestmark = pytest.mark.host

BROKEN_POM = "<project><modelVersion>4.0.0</modelVersion><artifactId>tiny</artifactId></project>\n"
OUTSIDE = "#!/bin/bash\nset -e\ndpkg-checkbuilddeps -d 'never-heard-of (>= 2)' /dev/null\n"
UNSUFFIXED = "#!/bin/bash\ndpkg-buildpackage -uc -us -b\n"
NOTHING = "#!/bin/bash\nexit 0\n"
NO_CHANGELOG = "nonsense\n"


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        ({"build": "cat debian/control > /dev/full"}, FailureCode.DISK_FULL, "no space is left"),
        ({"script": "#!/bin/bash\nkill -9 $$\n"}, FailureCode.KILLED, "signal 9"),
        ({"build": "kill -9 $$$$"}, FailureCode.KILLED, "signal 9"),
        ({"build": "kill -9 $$PPID"}, FailureCode.KILLED, "signal 9"),
        ({"build": "exit 7"}, FailureCode.PACKAGING_FAILED, "exit 7"),
        ({"changelog": NO_CHANGELOG}, FailureCode.PACKAGING_FAILED, "changelog"),
        ({"script": UNSUFFIXED}, FailureCode.PACKAGING_FAILED, "0 times"),
        ({"script": NOTHING}, FailureCode.ARTIFACT_MISSING, "found none"),
        ({"script": OUTSIDE}, FailureCode.BUILD_DEPENDS, "never-heard-of (>= 2)"),
        (
            {"build": "mvn -o -B validate", "more": {"pom.xml": BROKEN_POM}},
            FailureCode.MAVEN_POM,
            "'groupId' is missing",
        ),
    ],
)
def test_a_failure_has_its_code(
    tmp_path: Path, source: dict[str, object], code: FailureCode, message: str
) -> None:
    workspace = Workspace(tmp_path / "state", "job_1", 1)
    make_source(workspace, **source)  # type: ignore[arg-type]

    with pytest.raises(StepFailed) as caught:
        build(workspace)

    assert (caught.value.code, message in caught.value.message) == (code, True), caught.value
    assert len(caught.value.excerpt.encode()) <= 2000
    assert not workspace.packages.exists()

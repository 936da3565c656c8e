"""The kinds that are here: each by its name, and imported only when it is asked for."""

from __future__ import annotations

import subprocess
import sys

from pipelines.domain.pipeline import Options
from pipelines.steps.registry import step_kinds
from tests.conftest import HOME


def test_each_kind_has_the_name_that_it_is_found_by() -> None:
    own = step_kinds(lambda step, manifest: f"{step}{manifest!r}", dict).own
    assert list(own) == [
        "git-checkout",
        "preflight",
        "check-evidence",
        "maven",
        "build-deb",
        "artifact-manifest",
        "publish",
        "ssh",
        "run",
        "publish-status",
    ]
    assert len(own) == 10
    for name, kind in own.items():
        assert kind.name == name
        assert issubclass(kind.options, Options)
        assert kind.summary
    assert "maven" in own
    assert "make" not in own


def test_who_builds_without_maven_does_not_import_it() -> None:
    code = (
        "import sys\n"
        "from pipelines.steps.registry import step_kinds\n"
        "kinds = step_kinds(lambda step, manifest: step, dict)\n"
        "assert 'maven' in kinds and kinds['run'].name == 'run'\n"
        "assert not [m for m in sys.modules if m.startswith(('pipelines.steps.maven', "
        "'pipelines.steps.debian'))]\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=HOME, check=True)

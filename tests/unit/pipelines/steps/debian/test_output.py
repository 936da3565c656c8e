from __future__ import annotations

from pathlib import Path

from pipelines.domain.errors import FailureCode
from pipelines.domain.exit_code import ExitCode
from pipelines.steps.debian.build.output import BuildOutput

MAVEN_FAILS = """\
   dh_auto_build
make[1]: Entering directory '/w/source'
mvn -B -ntp clean package
[INFO] Scanning for projects...
[INFO] Reactor Build Order:
[INFO]
[INFO] Parent                                                             [pom]
[INFO] Core                                                               [jar]
[INFO] ----------------------< org.example:parent >-----------------------
[INFO] Building Parent 1.0                                                [1/2]
[INFO] ----------------------< org.example:core >-----------------------
[INFO] Building Core 1.0                                                  [2/2]
[INFO] BUILD FAILURE
[ERROR] Failed to execute goal org.apache.maven.plugins:maven-compiler-plugin:3.16.0:compile \
(default-compile) on project core: Compilation failure
[ERROR] /w/source/core/src/main/java/A.java:[3,9] cannot find symbol
[ERROR] -> [Help 1]
make[1]: *** [debian/rules:15: override_dh_auto_build] Error 1
make[1]: Leaving directory '/w/source'
make: *** [debian/rules:8: binary] Error 2
dpkg-buildpackage: error: debian/rules binary subprocess returned exit status 2
"""


def output_of(text: str, tmp_path: Path) -> tuple[BuildOutput, list[str]]:
    progress: list[str] = []
    (tmp_path / "events").touch()
    output = BuildOutput(
        tmp_path, progress.append, since=0, reports=tmp_path, events=tmp_path / "events"
    )
    for line in text.splitlines():
        output.add(line)
    return output, progress


def test_modules_are_shown(tmp_path: Path) -> None:
    _, progress = output_of(MAVEN_FAILS, tmp_path)

    assert progress == ["module 1 of 2: Parent", "module 2 of 2: Core"]


def test_mavens_own_failure_is_the_failure(tmp_path: Path) -> None:
    output, _ = output_of(MAVEN_FAILS, tmp_path)

    failure = output.failure(2)

    assert failure.code is FailureCode.MAVEN_COMPILE
    assert failure.details["module"] == "core"
    assert "core" in failure.message
    assert "cannot find symbol" in failure.excerpt


def test_a_failure_after_maven_went_well_is_packagings(tmp_path: Path) -> None:
    text = MAVEN_FAILS.replace("BUILD FAILURE", "BUILD SUCCESS") + (
        "cp: cannot stat 'dist': No such file or directory\n"
        "make[1]: *** [debian/rules:30: override_dh_auto_install] Error 1\n"
    )
    output, _ = output_of(text.replace("[ERROR]", "[WARNING]"), tmp_path)

    failure = output.failure(2)

    assert failure.code is FailureCode.PACKAGING_FAILED


def test_packaging_without_maven(tmp_path: Path) -> None:
    output, progress = output_of("dh_install: error: missing files, aborting\n", tmp_path)

    assert output.failure(2).code is FailureCode.PACKAGING_FAILED
    assert not progress
    assert output.tests().run == 0


def test_a_kill_inside_maven(tmp_path: Path) -> None:
    begun = MAVEN_FAILS.partition("[INFO] BUILD FAILURE")[0]
    output, _ = output_of(begun, tmp_path)

    failure = output.failure(ExitCode.of(-9))

    assert failure.code is FailureCode.KILLED
    assert failure.retryable

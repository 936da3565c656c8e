"""The shipped pipelines pay Maven once: the one build of the job is the packaging's own.

A plain Maven step makes other jars than the packaging (its replace.properties are other ones), so
nothing is carried over from one to the other; what is packed is, by digest, what a packaging from
scratch packs.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.domain.pipeline import Pipeline
from pipelines.language.load import read_pipelines
from pipelines.steps.debian.options import BuildDebOptions
from pipelines.steps.debian.step import BuildDeb
from pipelines.steps.maven.options import MavenOptions
from pipelines.steps.maven.step import MAVEN
from pipelines.steps.registry import step_kinds
from pipelines.workspace.layout import Workspace
from tests.conftest import HOME
from tests.support.pipelines.maven_builder import build, make_builder
from tests.support.pipelines.tiny_package import git, step_context

# As CloudStack's: all modules but the root check their sources by the rules of one of them.
_PARENT = (
    "<modelVersion>4.0.0</modelVersion><parent><groupId>org.example.tiny</groupId>"
    "<artifactId>cloudstack</artifactId><version>1-SNAPSHOT</version></parent>"
)
_CHECK = """<plugin><artifactId>maven-enforcer-plugin</artifactId><version>3.5.0</version>
<dependencies><dependency><groupId>org.example.tiny</groupId><artifactId>rules</artifactId>
<version>1-SNAPSHOT</version></dependency></dependencies><executions><execution>
<goals><goal>enforce</goal></goals><configuration><rules><requireJavaVersion><version>17</version>
</requireJavaVersion></rules></configuration></execution></executions></plugin>"""
ROOT_POM = """<project><modelVersion>4.0.0</modelVersion><groupId>org.example.tiny</groupId>
<artifactId>cloudstack</artifactId><version>1-SNAPSHOT</version><packaging>pom</packaging>
<modules><module>rules</module><module>app</module></modules></project>"""
RULES_POM = f"<project>{_PARENT}<artifactId>rules</artifactId></project>"
APP_POM = (
    f"<project>{_PARENT}<artifactId>app</artifactId>"
    f"<build><plugins>{_CHECK}</plugins></build></project>"
)
PIPELINES = read_pipelines(HOME / "pipelines.yaml", step_kinds(lambda *_: "", dict))


@pytest.mark.parametrize("name", ["cloudstack", "sample"])
def test_the_maven_step_before_a_packaging_builds_nothing(name: str) -> None:
    kinds = [step.kind.name for step in PIPELINES[name].steps]
    assert kinds.index("maven") < kinds.index("build-deb")
    assert maven_options(PIPELINES[name]).goals == ("validate",)


def test_rules_that_are_a_module_need_not_be_built_to_check_cloudstack(tmp_path: Path) -> None:
    """Its checkstyle plugin, bound to `validate`, needs a module of the same reactor."""
    context = make_builder(tmp_path).context()
    for name, text in {"": ROOT_POM, "rules/": RULES_POM, "app/": APP_POM}.items():
        pom = context.workspace.source / name / "pom.xml"
        pom.parent.mkdir(parents=True, exist_ok=True)
        pom.write_text(text)

    options = maven_options(PIPELINES["cloudstack"]).model_copy(update={"jdk": None})
    result = build(context, options)

    assert result.reason == "checked 1 module"


@pytest.mark.slow
def test_what_is_packed_is_what_a_packaging_from_scratch_packs(tmp_path: Path) -> None:
    job, scratch, plain = (Workspace(tmp_path / name, "job_1", 1) for name in ("a", "b", "c"))
    for workspace in (job, scratch, plain):
        check_out_sample(workspace)
        (workspace.state_dir / "maven-cache").symlink_to(HOME / ".maven-tests" / "maven-cache")

    MAVEN.run(maven_options(PIPELINES["sample"]), step_context(job, step="maven"))
    assert not list(job.source.glob("*/target/*.jar"))
    events = job.module_events("build-deb")
    built = package(job)
    package(scratch)

    once = [line for line in events.read_text().splitlines() if line.endswith("\trun")]
    assert len(once) == 1, "packaging ran Maven once"
    assert [module["result"] for module in built] == ["SUCCESS"] * 5
    assert packed_jars(job, tmp_path) == packed_jars(scratch, tmp_path)

    MAVEN.run(MavenOptions(), step_context(plain, step="maven"))
    jar = "greeting-core-1.0.0-SNAPSHOT.jar"
    plain_jar = plain.source / "greeting-core" / "target" / jar
    assert digest(plain_jar) != packed_jars(job, tmp_path)[jar], "so it must not be packed"


def maven_options(pipeline: Pipeline) -> MavenOptions:
    step = next(step for step in pipeline.steps if step.kind.name == "maven")
    assert isinstance(step.options, MavenOptions)
    return step.options


def package(workspace: Workspace) -> list[dict[str, Any]]:
    step = next(step for step in PIPELINES["sample"].steps if step.kind.name == "build-deb")
    assert isinstance(step.options, BuildDebOptions)
    context = replace(step_context(workspace, step="build-deb"), steps=PIPELINES["sample"].steps)
    modules: list[dict[str, Any]] = BuildDeb().run(step.options, context).values["modules"]
    return modules


def packed_jars(workspace: Workspace, folder: Path) -> dict[str, str]:
    """Digests of the jars in the packages, by name."""
    target = folder / "unpacked" / workspace.state_dir.name
    target.mkdir(parents=True, exist_ok=True)
    for package in workspace.packages.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(target)], check=True)
    jars = {path.name: digest(path) for path in target.rglob("*.jar")}
    assert len(jars) == 4
    return jars


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_out_sample(workspace: Workspace) -> None:
    ignored = shutil.ignore_patterns("target")
    shutil.copytree(HOME / "examples" / "sample", workspace.source, ignore=ignored)
    git(workspace.source, "init", "--quiet", "-b", "main")
    git(workspace.source, "add", ".")
    git(workspace.source, "commit", "--quiet", "-m", "sample")

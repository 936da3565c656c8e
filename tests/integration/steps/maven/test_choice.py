"""Which modules another try or another commit builds: those of which not all is as it was."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipelines.domain.pipeline import StepContext, StepResult
from pipelines.steps.maven.options import MavenOptions
from pipelines.steps.maven.step import MAVEN
from tests.conftest import AUTHOR, git
from tests.support.pipelines.maven_builder import build, failure, make_builder
from tests.support.pipelines.step_context import Request, Steps

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not installed"),
]

GROUP = "<groupId>org.example.choice</groupId>"
PARENT = f"<parent>{GROUP}<artifactId>parent</artifactId><version>{{version}}</version></parent>"
MODULES = MavenOptions(incremental="modules", skip_tests=True)
COPY = """<plugin><artifactId>maven-antrun-plugin</artifactId><version>3.1.0</version><executions>
<execution><phase>generate-resources</phase><goals><goal>run</goal></goals><configuration><target>
{task}</target></configuration></execution></executions></plugin>"""


def project(body: str) -> str:
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0">'
        f"<modelVersion>4.0.0</modelVersion>{body}</project>\n"
    )


def parent(*modules: str, version: str = "1.0", more: str = "") -> str:
    listed = "".join(f"<module>{name}</module>" for name in modules)
    return project(
        f"{GROUP}<artifactId>parent</artifactId><version>{version}</version>"
        f"<packaging>pom</packaging><modules>{listed}</modules>{more}"
    )


def module(name: str, *needs: str, build: str = "", version: str = "1.0", up: str = "") -> str:
    dependencies = "".join(
        f"<dependency>{GROUP}<artifactId>{need}</artifactId>"
        "<version>${project.version}</version></dependency>"
        for need in needs
    )
    relative = f"<relativePath>{up}</relativePath></parent>" if up else "</parent>"
    return project(
        f"{PARENT.format(version=version).replace('</parent>', relative)}"
        f"<artifactId>{name}</artifactId>"
        f"<dependencies>{dependencies}</dependencies><build>{build}</build>"
    )


@dataclass
class Farm:
    """A source with one builder; each commit is a new job."""

    steps: Steps
    files: dict[str, str]
    options: MavenOptions = MODULES
    jobs: list[StepContext] = field(default_factory=list)

    def job(self, **changed: str | None) -> StepContext:
        """A job for the next commit."""
        context = self.steps.context(request=Request(f"job-{len(self.jobs)}"))
        source = context.workspace.source
        if self.jobs:
            git("clone", "--quiet", str(self.jobs[-1].workspace.source), str(source))
        source.mkdir(parents=True, exist_ok=True)
        for name, text in {**({} if self.jobs else self.files), **changed}.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text or "")
        if not (source / ".git").exists():
            git("init", "--quiet", "--initial-branch=main", str(source))
        (source / ".git/info/exclude").write_text("target/\nstatic/\n")
        git("-C", str(source), "add", "--all")
        git(*AUTHOR, "-C", str(source), "commit", "--quiet", "--allow-empty", "-m", "x")
        self.jobs.append(context)
        return context

    def build(self, **changed: str | None) -> StepResult:
        return MAVEN.run(self.options, self.job(**changed))

    def jar(self, path: str) -> dict[str, str]:
        """Names and text of the files in a jar of the newest job."""
        with zipfile.ZipFile(self.jobs[-1].workspace.source / path) as jar:
            return {
                name: jar.read(name).decode(errors="replace")
                for name in jar.namelist()
                if not name.startswith("META-INF") and not name.endswith("/")
            }


@pytest.fixture
def farm(tmp_path: Path) -> Farm:
    return Farm(make_builder(tmp_path), {})


def built(result: StepResult) -> list[str]:
    return [entry["name"] for entry in result.values["modules"]]


def test_a_version_that_is_a_property(farm: Farm, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    fail = COPY.format(
        task=f'<fail><condition><not><available file="{gate}"/></not></condition></fail>'
    )
    farm.files = {
        "pom.xml": parent(
            "a", "b", version="${revision}", more="<properties><revision>7</revision></properties>"
        ),
        "a/pom.xml": module("a", version="${revision}"),
        "a/src/main/resources/a.txt": "a",
        "b/pom.xml": module("b", "a", build=f"<plugins>{fail}</plugins>", version="${revision}"),
        "b/src/main/resources/b.txt": "b",
    }
    farm.options = MavenOptions()
    first = farm.job()
    failure(first, farm.options)
    gate.touch()
    again = build(first, farm.options)
    assert built(again) == ["b"], "a commit of nothing is no change"

    farm.options = MODULES
    assert built(farm.build()) == ["parent", "a", "b"]
    assert built(farm.build()) == ["b"]
    assert farm.jar("b/target/b-7.jar") == {"b.txt": "b"}


def test_two_poms_in_one_folder(farm: Farm) -> None:
    lite = "<directory>target-lite</directory>"
    farm.files = {
        "pom.xml": parent("lib", "lib/pom-lite.xml", "far"),
        "lib/pom.xml": module("lib"),
        "lib/pom-lite.xml": module("lite", build=lite),
        "lib/src/main/resources/text": "old",
        "far/pom.xml": module("far"),
        "far/src/main/resources/text": "far",
    }
    farm.build()
    result = farm.build(**{"lib/src/main/resources/text": "new"})
    assert built(result) == ["lib", "lite"]
    assert farm.jar("lib/target/lib-1.0.jar") == {"text": "new"}
    assert farm.jar("lib/target-lite/lite-1.0.jar") == {"text": "new"}
    assert farm.jar("far/target/far-1.0.jar") == {"text": "far"}


def test_a_module_that_packs_the_files_of_another(farm: Farm) -> None:
    resources = "../conf/src/main/resources"
    packs = f"<resources><resource><directory>{resources}</directory></resource></resources>"
    farm.files = {
        "pom.xml": parent("app", "conf", "far"),
        "app/pom.xml": module("app", build=packs),
        "conf/pom.xml": module("conf"),
        "conf/src/main/resources/text": "old",
        "far/pom.xml": module("far"),
    }
    farm.build()
    result = farm.build(**{"conf/src/main/resources/text": "new"})
    assert built(result) == ["app", "conf"]
    assert farm.jar("app/target/app-1.0.jar") == {"text": "new"}


STATIC = "backend/src/main/resources/static"
WRITES = f'<copy file="app.js" todir="../{STATIC}"/>'


@pytest.mark.parametrize("needs", [("frontend",), ()])
def test_a_module_that_writes_into_another(farm: Farm, needs: tuple[str, ...]) -> None:
    plugins = f"<plugins>{COPY.format(task=WRITES)}</plugins>"
    farm.files = {
        "pom.xml": parent("frontend", "backend", "far"),
        "frontend/pom.xml": module("frontend", build=plugins),
        "frontend/app.js": "one",
        "backend/pom.xml": module("backend", *needs),
        "backend/src/main/resources/text": "old",
        "far/pom.xml": module("far"),
    }
    farm.build()
    result = farm.build(**{"backend/src/main/resources/text": "new"})
    assert built(result) == ["frontend", "backend"]
    assert farm.jar("backend/target/backend-1.0.jar") == {"text": "new", "static/app.js": "one"}
    changed = "another module changed backend/src/main/resources/static/app.js"
    assert result.values["open_modules"] == [
        {"name": "frontend", "reason": "maven-antrun-plugin"},
        {"name": "backend", "reason": changed},
    ]
    assert "open modules: frontend (maven-antrun-plugin)" in result.reason

    farm.build(**{"frontend/app.js": "two"})
    assert farm.jar("backend/target/backend-1.0.jar") == {"text": "new", "static/app.js": "two"}


def test_a_module_that_begins_to_write_into_one_that_is_left_out(farm: Farm) -> None:
    task = "<plugins>{}</plugins>".format(COPY.format(task="<echo>nothing</echo>"))
    farm.files = {
        "pom.xml": parent("frontend", "backend", "far"),
        "frontend/pom.xml": module("frontend", build=task),
        "frontend/app.js": "one",
        "backend/pom.xml": module("backend"),
        "far/pom.xml": module("far"),
    }
    farm.build()
    writes = module("frontend", build=f"<plugins>{COPY.format(task=WRITES)}</plugins>")
    result = farm.build(**{"frontend/pom.xml": writes})
    assert built(result) == ["parent", "frontend", "backend", "far"]
    changed = "backend/src/main/resources/static/app.js of backend changed during the build"
    assert result.values["selection"] == changed
    assert farm.jar("backend/target/backend-1.0.jar") == {"static/app.js": "one"}


def test_what_people_say_closes_a_module(farm: Farm) -> None:
    task = '<copy file="../far/text" todir="target/classes"/>'
    antrun = f"<plugins>{COPY.format(task=task)}</plugins>"
    farm.files = {
        "pom.xml": parent("a", "b", "far"),
        "a/pom.xml": module("a", build=antrun),
        "b/pom.xml": module("b"),
        "far/pom.xml": module("far"),
        "far/text": "old",
    }
    farm.options = MavenOptions(
        incremental="modules",
        skip_tests=True,
        pure_plugins=("maven-antrun-plugin",),
        module_inputs={":a": ("far/text",)},
    )
    farm.build()
    assert built(farm.build(**{"b/src/main/resources/text": "new"})) == ["b"]
    assert built(farm.build(**{"far/text": "new"})) == ["a", "far"]
    assert farm.jar("a/target/a-1.0.jar") == {"text": "new"}


SHADE = """<plugins><plugin><artifactId>maven-shade-plugin</artifactId><version>3.6.0</version>
<executions><execution><phase>package</phase><goals><goal>shade</goal></goals></execution>
</executions></plugin></plugins>"""
WAR = """<plugins><plugin><artifactId>maven-war-plugin</artifactId><version>3.4.0</version>
<configuration><failOnMissingWebXml>false</failOnMissingWebXml></configuration></plugin></plugins>"""


def test_a_plugin_replaced_the_pom_of_a_module_that_is_left_out(farm: Farm) -> None:
    """It decides which jars the war gets."""
    web = module("web", "client", build=WAR)
    farm.files = {
        "pom.xml": parent("a", "client", "web"),
        "a/pom.xml": module("a"),
        "client/pom.xml": module("client", "a", build=SHADE),
        "web/pom.xml": web.replace("<build>", "<packaging>war</packaging><build>"),
    }
    farm.build()
    libraries = sorted(name for name in farm.jar("web/target/web-1.0.war") if "/lib/" in name)
    result = farm.build(**{"web/src/main/webapp/new": "new"})
    assert built(result) == ["web"]
    files = farm.jar("web/target/web-1.0.war")
    assert sorted(name for name in files if "/lib/" in name) == libraries
    assert files["new"] == "new"
    assert (farm.jobs[-1].workspace.source / "client/dependency-reduced-pom.xml").is_file()


UNRESOLVED = """#!/bin/sh
mvn "$@" || exit
if test -e {gate}; then
  rm {gate}
  echo "[INFO] BUILD FAILURE"
  echo "[ERROR] Failed to execute goal on project b: Could not resolve dependencies for project\
 org.example.choice:b:jar:1.0: Could not find artifact org.example.choice:a:jar:1.0 in central\
 (https://repo.example.org) -> [Help 1]"
  exit 1
fi
"""


def test_a_module_that_was_left_out_and_cannot_be_resolved(farm: Farm, tmp_path: Path) -> None:
    """The wrapper of the source says once what Maven says of an artifact that it cannot find."""
    gate = tmp_path / "gate"
    farm.files = {
        "pom.xml": parent("a", "b"),
        "a/pom.xml": module("a"),
        "b/pom.xml": module("b", "a"),
        "mvnw": UNRESOLVED.format(gate=gate),
    }
    farm.build()
    gate.touch()
    result = farm.build(**{"b/src/main/resources/text": "new"})
    assert built(result) == ["parent", "a", "b"]
    assert result.values["selection"] == "cannot resolve org.example.choice:a, which was skipped"
    assert farm.jar("b/target/b-1.0.jar") == {"text": "new"}

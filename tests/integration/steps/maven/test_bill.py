"""The bill of materials names what Maven names, also of modules that were not built again."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packageurl import PackageURL

from pipelines.domain.pipeline import Step, StepContext, StepResult
from pipelines.execution.success_records import (
    SuccessRecord,
    SuccessRecords,
    boot_id,
    record_outputs,
)
from pipelines.steps.artifact_manifest import ARTIFACT_MANIFEST, ArtifactManifestOptions
from pipelines.steps.maven.options import MavenOptions
from pipelines.steps.maven.step import MAVEN, Maven
from tests.conftest import git
from tests.support.documents import bill_problem, statement_problem
from tests.support.pipelines.maven_builder import make_builder
from tests.support.pipelines.maven_source import commit_all, pom, write_reactor
from tests.support.pipelines.step_context import Request, Steps

OPTIONS = MavenOptions(incremental="modules", skip_tests=True)
TREE = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:tree"
CORE_POM = pom(
    "core",
    "<dependencies>"
    "<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId>"
    "<version>2.0.17</version></dependency>"
    "<dependency><groupId>jakarta.servlet</groupId><artifactId>jakarta.servlet-api</artifactId>"
    "<version>6.0.0</version><scope>provided</scope></dependency>"
    "<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-api</artifactId>"
    "<version>2.0.17</version><classifier>sources</classifier><scope>runtime</scope></dependency>"
    "</dependencies>",
)
_NODE = re.compile(r"[\w.-]+(?::[\w.-]+){3,5}")


def after(
    context: StepContext, kind: Maven, options: MavenOptions, result: StepResult
) -> StepContext:
    """The context of a later step, after this kind of step had this result."""
    workspace = context.workspace
    SuccessRecords(workspace.successes).write(
        SuccessRecord(
            step=kind.name,
            fingerprint={},
            outputs=record_outputs(result.outputs, workspace.root),
            values=result.values,
            reason=result.reason,
            boot_id=boot_id(),
            attempt=1,
            duration_seconds=1.0,
            run="1",
            after={},
            complete=result.complete,
        )
    )
    step = Step(name=kind.name, kind=kind, options=options, needs=())
    return replace(context, step="later", steps=(*context.steps, step))


def bill_of(context: StepContext, options: MavenOptions) -> dict[str, Any]:
    """Build, and list the jars."""
    result = MAVEN.run(options, replace(context, step="maven"))
    paths = ArtifactManifestOptions(paths=("*/target/*.jar",))
    ARTIFACT_MANIFEST.run(paths, after(context, MAVEN, options, result))
    workspace = context.workspace
    assert bill_problem(workspace.bill.read_bytes()) is None
    assert statement_problem(workspace.provenance.read_bytes()) is None
    found: dict[str, Any] = json.loads(workspace.bill.read_bytes())
    return found


def named_by_maven(context: StepContext) -> set[str]:
    """The nodes of all trees without those of test scope, as the bill names them."""
    file = context.workspace.root / "tree.txt"
    local = f"-Dmaven.repo.local={context.workspace.maven_repository}"
    subprocess.run(
        ["mvn", "-B", "-q", local, TREE, f"-DoutputFile={file}", "-DappendOutput=true"],
        cwd=context.workspace.source,
        check=True,
    )
    found = set()
    for line in file.read_text().splitlines():
        [node] = _NODE.findall(line)
        if not node.endswith(":test"):
            found.add(re.sub(r":(compile|runtime|provided|system)$", "", node))
    return found


def named_by_bill(bill: dict[str, Any]) -> set[str]:
    found = set()
    for component in bill["components"]:
        url = PackageURL.from_string(component["purl"])
        assert isinstance(url.qualifiers, dict)
        more = [url.qualifiers[key] for key in ("type", "classifier") if key in url.qualifiers]
        found.add(":".join([str(url.namespace), url.name, *more, str(url.version)]))
    return found


@pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not installed")
@pytest.mark.slow
def test_it_names_what_the_tree_names_no_more_no_less(tmp_path: Path) -> None:
    steps = make_builder(tmp_path)
    first = _job(steps, "first")
    write_reactor(first.workspace.source, core_pom=CORE_POM)
    commit_all(first.workspace.source)
    bill = bill_of(first, OPTIONS)

    expected = named_by_maven(first)
    assert named_by_bill(bill) == expected
    assert "org.slf4j:slf4j-api:jar:sources:2.0.17" in expected
    assert not any(name.startswith("junit:") for name in expected)
    core = "pkg:maven/org.example.tiny/core@1.0?type=jar"
    needs = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    assert "pkg:maven/org.slf4j/slf4j-simple@2.0.17?type=jar" in needs[core]
    assert core in needs["pkg:maven/org.example.tiny/app@1.0?type=jar"]
    digests = {one["purl"]: one.get("hashes") for one in bill["components"]}
    assert digests["pkg:maven/org.slf4j/slf4j-simple@2.0.17?type=jar"]
    assert digests[core] is None, "the source makes it"

    second = _job(steps, "second")
    git("clone", "--quiet", str(first.workspace.source), str(second.workspace.source))
    bill_of(second, OPTIONS)
    assert first.workspace.bill.read_bytes() == second.workspace.bill.read_bytes()
    events = second.workspace.module_events("maven").read_text()
    assert "\tleft\torg.example.tiny:core\t" in events, "its module was kept"


def _job(steps: Steps, name: str) -> StepContext:
    return steps.context(request=Request(name))

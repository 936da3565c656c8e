from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from pipelines.artifacts.bill import Product, Resolved, bill_of_materials, read_resolved
from pipelines.steps.maven.output.events import read_events
from pipelines.steps.maven.output.resolved import keep_dependencies
from tests.support.documents import bill_problem

PRODUCT = Product(name="demo", commit="a" * 40, time=datetime(2025, 11, 1, tzinfo=UTC))
LOG, API, JUNIT = "org.slf4j:slf4j-simple:jar:2.0", "org.slf4j:slf4j-api:jar:2.0", "junit:junit"
CORE, APP = "org.example:core:jar:1.0", "org.example:app:jar:1.0"
NATIVE = "org.example:native:jar:linux:1.0"
EVENTS = f"""
1\trun
1\tplanned\torg.example:core\t/pom.xml\tCore
1\tplanned\torg.example:app\t/app/pom.xml\tApp
2\tresolved\torg.example:core\t{CORE}\tcompile|{LOG}|{CORE}|{"1" * 64}\ttest|{JUNIT}:jar:4|{CORE}|
3\tresolved\torg.example:core\t{CORE}\truntime|{API}|{LOG}|{"2" * 64}
4\tresolved\torg.example:app\t{APP}\tcompile|{CORE}|{APP}|\tprovided|{NATIVE}|{APP}|
"""


def resolved(folder: Path) -> Resolved:
    events = read_events(EVENTS.splitlines(keepends=True))
    return read_resolved(keep_dependencies(events, folder / "maven.dependencies.json"))


def test_it_names_what_maven_resolved_in_any_run_without_what_only_tests_need(
    tmp_path: Path,
) -> None:
    found = resolved(tmp_path)
    assert found.modules == {CORE, APP}
    assert found.needs == {CORE: {LOG}, LOG: {API}, APP: {CORE, NATIVE}}
    assert found.digests == {LOG: "1" * 64, API: "2" * 64}


def test_the_bill_fits_its_schema_and_is_the_same_for_the_same_build(tmp_path: Path) -> None:
    packages = {"gcc": "4:12.2.0-3", "libc6": "2.36-9"}
    bill = bill_of_materials(PRODUCT, resolved(tmp_path), packages)
    turned = dict(reversed(packages.items()))
    assert bill_of_materials(PRODUCT, resolved(tmp_path), turned) == bill
    assert bill_problem(bill) is None
    document = json.loads(bill)
    assert [component["purl"] for component in document["components"]] == [
        "pkg:maven/org.example/app@1.0?type=jar",
        "pkg:maven/org.example/core@1.0?type=jar",
        "pkg:maven/org.example/native@1.0?classifier=linux&type=jar",
        "pkg:maven/org.slf4j/slf4j-api@2.0?type=jar",
        "pkg:maven/org.slf4j/slf4j-simple@2.0?type=jar",
        "pkg:deb/debian/gcc@4:12.2.0-3",
        "pkg:deb/debian/libc6@2.36-9",
    ]
    assert document["metadata"]["timestamp"] == "2025-11-01T00:00:00+00:00"
    assert "0000-0000" not in document["serialNumber"]
    other = bill_of_materials(PRODUCT, resolved(tmp_path), {"gcc": "5"})
    assert json.loads(other)["serialNumber"] != document["serialNumber"]


def test_a_schema_that_is_not_met_is_told() -> None:
    assert bill_problem(b'{"bomFormat": "CycloneDX", "components": 1}') is not None


def test_a_step_that_told_of_no_module_leaves_no_file(tmp_path: Path) -> None:
    file = tmp_path / "maven.dependencies.json"
    file.write_text("of an earlier run")
    assert keep_dependencies(read_events([]), file) == ()
    assert not file.exists()
    empty = bill_of_materials(PRODUCT, Resolved(), {})
    assert bill_problem(empty) is None

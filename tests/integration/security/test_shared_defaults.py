"""`shared/build_config.json` as defaults of a real build: values that can carry no code."""

from __future__ import annotations

import json

from tests.conftest import Farm

CONFIG = {
    "cloudstack": {"branch": "main", "repository": "https://evil.example/x.git"},
    "build": {
        "profiles": ["developer", "-Devil=1"],
        "maven_opts": "-Xmx256m -javaagent:/tmp/evil.jar",
        "skip_tests": True,
    },
    "java": {"home": "/tmp/evil"},
}


def test_defaults_of_the_farm_reach_maven_and_nothing_else_does(farm: Farm) -> None:
    farm.pipeline("- {uses: maven, with: {goals: validate}}\n")
    farm.write("shared/build_config.json", json.dumps(CONFIG))
    farm.doit("jobs")
    queued = farm.doit("enqueue", "--pipeline", "ledger", "--id", "j")
    assert queued.stderr == "branch main, from shared/build_config.json\n"
    built = farm.doit("build")
    assert built.returncode == 1  # the source has no pom.xml
    log = farm.doit("logs", "j", "maven").stdout
    assert " -P developer -DskipTests validate" in log
    assert "evil" not in log
    plan = json.loads(farm.doit("plan", "ledger", "--json").stdout)
    [step] = [step for step in plan["steps"] if step["name"] == "maven"]
    assert step["from_shared"] == ["maven_opts", "profiles", "skip_tests"]
    assert step["with"]["maven_opts"] == "-Xmx256m"
    assert [each["key"] for each in plan["shared_unused"]] == [
        "cloudstack.repository",
        "build.profiles",
        "build.maven_opts",
        "java.home",
    ]
    text = farm.doit("plan", "ledger").stdout
    assert "skip_tests: true  (from shared/build_config.json)" in text
    assert "goals: validate\n" in text
    assert "shared/build_config.json: java.home is not used: only values" in text
    # an attempt keeps its plan, whatever the file says later
    farm.write("shared/build_config.json", "{}")
    farm.doit("retry", "j")
    farm.doit("build")
    digests = {
        t["details"]["plan"] for t in farm.transitions("j") if "plan" in t.get("details", {})
    }
    assert len(digests) == 1

from __future__ import annotations

import json
from typing import Any

import pytest

from common.settings.shared_defaults import SharedDefaults, read_shared_defaults
from pipelines.tasks.shared import taken_from, with_defaults
from tests.support.pipelines.reading import read


def shared(**sections: Any) -> SharedDefaults:
    return read_shared_defaults(json.dumps(sections).encode())


OLD_FILE = {
    "cloudstack": {"version": "4.21", "branch": "ExternalNew", "repository": "https://x/y.git"},
    "build": {
        "maven_opts": "-Xmx4096m -XX:OnOutOfMemoryError=evil -Xms1g",
        "profiles": ["developer", "systemvm"],
        "skip_tests": True,
        "parallel_builds": 4,
    },
    "java": {"version": "11", "home": "/tmp/jdk"},
    "notifications": {"on_success": True, "notify_via": ["mail"]},
}


def test_what_is_used_of_an_old_file() -> None:
    found = shared(**OLD_FILE)
    assert found.options == {
        "maven_opts": "-Xmx4096m -Xms1g",
        "profiles": ["developer", "systemvm"],
        "skip_tests": True,
        "threads": "4",
        "jdk": "11",
    }
    assert found.branch == "ExternalNew"
    assert {key: value for key, (value, _) in found.unused.items()} == {
        "cloudstack.version": "4.21",
        "cloudstack.repository": "https://x/y.git",
        "build.maven_opts": "-XX:OnOutOfMemoryError=evil",
        "java.home": "/tmp/jdk",
        "notifications.on_success": "true",
        "notifications.notify_via": '["mail"]',
    }


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("build", "profiles", "a -Dx=y"),
        ("build", "profiles", ["-Pevil", "!x", "a,b", "${x}", 7, "x" * 65]),
        ("build", "profiles", {"a": 1}),
        ("build", "profiles", ["p"] * 21),
        ("build", "skip_tests", "true"),
        ("build", "skip_tests", 1),
        ("build", "maven_opts", "-javaagent:/tmp/x.jar"),
        ("build", "maven_opts", "-Xmx1g;reboot"),
        ("build", "maven_opts", ["-Xmx1g"]),
        ("build", "maven_opts", "-Xmx0g"),
        ("build", "parallel_builds", True),
        ("build", "parallel_builds", "4 -o"),
        ("build", "parallel_builds", 1000),
        ("build", "parallel_builds", 0),
        ("java", "version", "/opt/jdk"),
        ("java", "version", "17\n"),
        ("java", "version", "../../tmp"),
        ("cloudstack", "branch", "-x"),
        ("cloudstack", "branch", "a..b"),
        ("cloudstack", "branch", "a b"),
        ("build", "goals", "exec:exec"),
    ],
)
def test_what_could_carry_code_is_not_used(section: str, key: str, value: Any) -> None:
    found = shared(**{section: {key: value}})
    assert found.options == {}
    assert found.branch == ""
    assert list(found.unused) == [f"{section}.{key}"]


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_file_that_cannot_be_read_gives_nothing_and_says_so(text: bytes) -> None:
    found = read_shared_defaults(text)
    assert found.options == {}
    assert found.unused == {"": ("", "the file is not a JSON object")}
    assert read_shared_defaults(None) == SharedDefaults()


def test_a_pipeline_comes_first() -> None:
    text = """\
    description: d
    source: {repository: r}
    params: {profile: {default: x}}
    steps:
      - {name: a, uses: maven, with: {profiles: own, skip_tests: false}}
      - {name: b, uses: maven, with: {profiles: "${{ params.profile }}"}}
      - {name: c, uses: maven}
      - {name: d, run: make}
    """
    pipeline = read(text)
    defaults = shared(**OLD_FILE)
    assert {step.name: sorted(taken_from(step, defaults)) for step in pipeline.steps} == {
        "a": ["jdk", "maven_opts", "threads"],
        "b": ["jdk", "maven_opts", "skip_tests", "threads"],
        "c": ["jdk", "maven_opts", "profiles", "skip_tests", "threads"],
        "d": [],
    }
    a, b, c, d = with_defaults(pipeline, defaults).steps
    assert a.options.model_dump()["profiles"] == ("own",)
    assert a.options.model_dump()["skip_tests"] is False
    assert a.options.model_dump()["threads"] == "4"
    assert b.options.model_dump()["values"]["profiles"] == "${{ params.profile }}"
    assert b.options.model_dump()["values"]["skip_tests"] is True
    assert c.options.model_dump()["profiles"] == ("developer", "systemvm")
    assert d == pipeline.steps[3]
    assert with_defaults(pipeline, SharedDefaults()) == pipeline

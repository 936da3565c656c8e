from __future__ import annotations

from pathlib import Path

import pytest

from common.yaml.findings import InvalidFile
from pipelines.domain.errors import BadPipelineFile
from pipelines.language.load import read_pipelines
from pipelines.steps.maven.options import MavenOptions
from tests.support.pipelines.reading import KINDS, read_all

BASE = """\
base:
  description: the base
  source: {repository: r, submodules: true}
  env: {A: base, B: base}
  labels: [one]
  steps:
    - uses: git-checkout
    - {uses: maven, timeout: 1h, with: {goals: [install], threads: 1C}}
    - {uses: publish-status, when: always}
"""


def test_a_child_has_what_its_base_has_and_changes_what_it_says() -> None:
    child = read_all(
        BASE
        + """\
child:
  extends: base
  description: the child
  source: {repository: other}
  env: {B: child}
  labels: [two]
  steps:
    - {uses: maven, with: {threads: 2}}
    - {name: after, run: x}
grandchild:
  extends: child
  steps:
    - {name: last, run: y}
    - {name: after, timeout: 5m}
"""
    )
    pipeline = child["child"]
    assert (pipeline.description, pipeline.source.repository) == ("the child", "other")
    assert pipeline.source.submodules
    assert (pipeline.env, pipeline.labels) == ({"A": "base", "B": "child"}, ("two",))
    names = ["git-checkout", "maven", "after", "publish-status"]
    assert [step.name for step in pipeline.steps] == names
    assert pipeline.steps[1].options == MavenOptions(goals=("install",), threads="2")
    assert pipeline.steps[1].timeout == 3600
    assert pipeline.steps[3].needs == ("after",)
    grandchild = child["grandchild"]
    assert [step.name for step in grandchild.steps] == [*names, "last"]
    assert grandchild.steps[2].timeout == 300


def test_a_mistake_stands_where_it_was_written() -> None:
    with pytest.raises(InvalidFile) as caught:
        read_all(
            BASE
            + """\
child:
  extends: base
  steps:
    - {uses: maven, with: {thread: 2}}
    - {name: x, run: y, needs: mavn}
"""
        )
    assert [str(finding) for finding in caught.value.findings] == [
        "/farm/p.yaml:14:30: unknown key 'thread'; did you mean 'threads'?",
        "/farm/p.yaml:15:34: unknown step 'mavn'; did you mean 'maven'?",
    ]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ("a: {extends: bsae}\n" + BASE, "unknown pipeline 'bsae'; did you mean 'base'?"),
        (
            "a: {extends: b}\nb: {extends: c}\nc: {extends: a}\n",
            "pipelines extend each other: a -> b -> c -> a",
        ),
        (
            BASE + "p0: {extends: base}\n" + "".join(
                f"p{i}: {{extends: p{i - 1}}}\n" for i in range(1, 15)
            ),
            "a chain of 'extends' may have at most 10 pipelines",
        ),
        ("a: 5", "expected a map"),
        ("a: {extends: 5}", "missing key 'steps'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_extends(entries: str, expected: str) -> None:
    with pytest.raises(InvalidFile, match=expected.replace("?", r"\?")):
        read_all(entries)


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "main.yaml"


MINIMAL = "description: d, source: {repository: ./r.git}, steps: [{run: x}]"


def test_files_are_included_and_their_paths_are_their_own(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main=f"include: [sub/a.yaml, b.yaml]\npipelines: {{m: {{{MINIMAL}}}, n: {{extends: a}}}}",
        sub__a=f"include: ../b.yaml\npipelines: {{a: {{{MINIMAL}}}}}",
        b=f"pipelines: {{b: {{{MINIMAL}}}}}",
    )
    pipelines = read_pipelines(main, KINDS)
    assert {name: p.source.repository for name, p in pipelines.items()} == {
        "m": str(tmp_path / "r.git"),
        "n": str(tmp_path / "sub/r.git"),
        "a": str(tmp_path / "sub/r.git"),
        "b": str(tmp_path / "r.git"),
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"main": "include: no.yaml\npipelines: {}"}, "main.yaml:1:10: include: no file"),
        ({"main": "include: ../x.yaml\npipelines: {}"}, "include: '../x.yaml' is outside"),
        ({"main": "include: /etc/passwd\npipelines: {}"}, "include: '/etc/passwd' is outside"),
        (
            {
                "main": "include: a.yaml\npipelines: {}",
                "a": "include: b.yaml\npipelines: {}",
                "b": "include: a.yaml\npipelines: {}",
            },
            "b.yaml:1:10: include: files include each other: a.yaml -> b.yaml -> a.yaml",
        ),
        (
            {"main": "include: a.yaml\npipelines: {}", "a": "pipeline: {}"},
            "a.yaml:1:1: unknown key 'pipeline'; did you mean 'pipelines'?",
        ),
        (
            {
                "main": f"include: a.yaml\npipelines: {{p: {{{MINIMAL}}}}}",
                "a": f"pipelines: {{p: {{{MINIMAL}}}}}",
            },
            "a.yaml:1:13: duplicate pipeline 'p'; the first one is at ",
        ),
        ({"main": "include: 5\npipelines: {}"}, "no file '5'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_include(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    with pytest.raises(BadPipelineFile) as caught:
        read_pipelines(write(tmp_path, **files), KINDS)
    assert expected in str(caught.value)


def test_a_link_does_not_lead_out(tmp_path: Path) -> None:
    write(tmp_path, out__secret=f"pipelines: {{s: {{{MINIMAL}}}}}")
    main = write(tmp_path / "in", main="include: link.yaml\npipelines: {}")
    (tmp_path / "in/link.yaml").symlink_to(tmp_path / "out/secret.yaml")
    with pytest.raises(BadPipelineFile, match=r"include: 'link\.yaml' is outside"):
        read_pipelines(main, KINDS)

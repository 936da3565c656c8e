"""The commands about pipelines as a person types them, with the real doit."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pipelines.commands.templates import TEMPLATES
from pipelines.language.load import read_pipelines
from tests.conftest import PATIENCE, Farm
from tests.support.doit.forked_doit import doit_server
from tests.support.pipelines.reading import KINDS

FILE = """\
# this comment stays
pipelines:
  demo:
    description: a demo
    source: {repository: ./x.git}
    params: {deploy: {type: boolean, default: false}, who: {default: me}}
    steps:
      - uses: git-checkout
      - {name: greet, run: "echo ${{ params.who }}"}
      - {uses: maven, with: {properties: {who: "${{ params.who }}-${{ job.commit }}"}}}
      - {name: deploy, run: ./deploy, when: params.deploy == true}   # and this one
"""


def doit(path: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PIPELINES_FILE": str(path), "COORDINATION_REPOSITORY": "/nowhere"}
    return doit_server().run(args, env, PATIENCE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "p.yaml"
    path.write_text(FILE)
    return path


def test_validate_tells_every_mistake_with_its_place(path: Path) -> None:
    done = doit(path, "validate")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"{path}: valid, 1 pipeline with 4 steps\n"
        "4 steps without `timeout` end after 6 h (default_timeout in builder.yaml)\n"
    )
    other = path.with_name("other.yaml")
    other.write_text(FILE.replace("params.who", "params.how").replace("uses: maven", "uses: mavn"))
    done = doit(path, "validate", str(other))
    assert done.returncode == 3
    assert [line.removeprefix(f"{other}:") for line in done.stderr.splitlines()] == [
        "9:28: run: unknown name 'params.how'; did you mean 'who'?",
        "10:16: unknown step kind 'mavn'; did you mean 'maven'?",
    ]
    assert "Traceback" not in done.stderr
    done = doit(path, "validate", "--json", str(other))
    assert (done.returncode, done.stderr) == (3, "")
    report = json.loads(done.stdout)
    assert report["valid"] is False
    assert [(m["file"], m["line"], m["column"]) for m in report["mistakes"]] == [
        (str(other), 9, 28), (str(other), 10, 16),
    ]  # fmt: skip


def test_plan_shows_resolved_steps_and_says_what_is_wrong(path: Path) -> None:
    done = doit(path, "plan", "demo", "--param", "who=a b", "--json", "--param", "deploy=true")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["params"] == {"deploy": "true", "who": "a b"}
    assert [(step["name"], step["runs"]) for step in plan["steps"]] == [
        ("git-checkout", True), ("greet", True), ("maven", True), ("deploy", True),
    ]  # fmt: skip
    assert plan["steps"][1]["run"] == 'echo "${PARAM_WHO}"'
    assert plan["steps"][1]["env"] == {"PARAM_WHO": "a b"}
    assert plan["steps"][2]["with"] == {"properties": {"who": "a b-${{ job.commit }}"}}
    text = doit(path, "plan", "demo").stdout
    assert "4. deploy  -- would be skipped\n   why: never with these parameters" in text
    done = doit(path, "plan", "demo", "--param", "hwo=x")
    assert done.returncode == 3
    assert done.stderr == (
        "doit plan: unknown parameter 'hwo' of pipeline demo; did you mean 'who'?\n"
    )


def test_graph_draws_in_every_format(path: Path) -> None:
    text = doit(path, "graph", "demo").stdout
    assert text == (
        "demo: a demo\n● git-checkout\n● greet\n● maven\n● deploy (when params.deploy == true)\n"
    )
    svg = doit(path, "graph", "demo", "--format", "svg").stdout
    words = [text.text for text in ET.fromstring(svg).iter() if text.text]
    assert "git-checkout" in words
    drawn = json.loads(doit(path, "graph", "demo", "--json").stdout)
    assert drawn["steps"][3] == {
        "name": "deploy", "kind": "run", "when": "params.deploy == true", "needs": ["maven"],
    }  # fmt: skip
    done = doit(path, "graph", "demo", "--format", "svg", "--json")
    assert (done.returncode, done.stdout) == (3, "")
    done = doit(path, "graph", "deno", "--format", "svg")
    assert done.returncode == 3
    assert done.stderr == "doit graph: unknown pipeline 'deno'; did you mean 'demo'?\n"


def test_new_appends_and_keeps_everything_else(path: Path) -> None:
    done = doit(path, "new", "mine", "--template", "shell")
    assert done.returncode == 0, done.stderr
    assert path.read_text().startswith(FILE)
    assert set(read_pipelines(path, KINDS)) == {"demo", "mine"}
    before = path.read_text()
    for args, message in (
        (("mine",), "pipeline 'mine' already exists"),
        (("A B",), "invalid pipeline name 'A B'"),
    ):
        done = doit(path, "new", *args)
        assert (done.returncode, done.stdout) == (3, "")
        assert message in done.stderr
    assert path.read_text() == before
    assert [file.name for file in path.parent.iterdir()] == ["p.yaml"]


def test_a_new_pipeline_has_a_source_or_is_refused_until_it_has(path: Path, farm: Farm) -> None:
    done = doit(path, "new", "ready", "--template", "shell", "--repository", "./a: b.git")
    assert (done.returncode, done.stdout) == (0, f"{path}: added pipeline ready.\n")
    found = read_pipelines(path, KINDS)["ready"].source.repository
    assert found == str(path.parent.resolve() / "a: b.git")
    assert doit(path, "validate").returncode == 0

    assert "Set its repository." in doit(path, "new", "later", "--template", "deb").stdout
    line = path.read_text().splitlines().index("  later:") + 1
    refused = doit(path, "validate")
    remedy = "pipeline later has no repository yet. Set `repository` in it."
    assert (refused.returncode, refused.stderr) == (3, f"{path}:{line}:3: {remedy}\n")
    [mistake] = json.loads(doit(path, "validate", "--json").stdout)["mistakes"]
    assert (mistake["line"], mistake["message"]) == (line, remedy)
    assert doit(path, "plan", "ready").returncode == 0

    (farm.folder / "pipelines.yaml").write_text(path.read_text())
    queued = farm.doit("enqueue", "--pipeline", "later", "--branch", "main")
    assert (queued.returncode, queued.stderr) == (3, f"doit enqueue: {remedy}\n")


def test_enqueue_takes_the_params_that_the_pipeline_has(farm: Farm) -> None:
    path = farm.folder / "pipelines.yaml"
    head = "source: {repository: ./source.git}\n    params: {n: {type: integer, default: 1}}"
    path.write_text(path.read_text().replace("source: {repository: ./source.git}", head))
    job = farm.enqueue("--param", "n=5")
    assert farm.job(job)["params"] == {"n": "5"}
    done = farm.doit("enqueue", "--pipeline", "ledger", "--branch", "main", "--param", "n=x")
    assert done.returncode == 3
    assert "parameter 'n': expected an integer, found 'x'" in done.stderr


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_is_valid(template: str, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    entry = TEMPLATES[template].replace("NAME", "x").replace("\n", "\n  ")
    path.write_text(f"pipelines:\n  {entry}")
    assert read_pipelines(path, KINDS)["x"].steps[-1].always

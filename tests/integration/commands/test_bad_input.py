"""Bad input from people and from other programs: one clear line, the documented exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import AUTHOR, HOME, PATIENCE, Farm, git

HOSTILE = [
    "--upload-pack=touch /tmp/owned",
    "../../etc/passwd",
    "main; touch owned",
    "$(touch owned)",
    "main\nx",
    "x" * 10_000,
    "@{-1}",
    "a..b",
    "-b",
]


def one_line(text: str) -> str:
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    assert len(lines[0]) < 400
    return lines[0]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: value[:20])
@pytest.mark.parametrize("option", ["--branch", "--commit", "--id"])
def test_enqueue_refuses(farm: Farm, option: str, value: str) -> None:
    usual = {"--branch": "main"} | {option: value}
    options = [f"{name}={given}" for name, given in usual.items()]
    done = farm.doit("enqueue", "--pipeline", "ledger", *options)
    assert done.returncode == 3
    one_line(done.stderr)
    assert farm.coordination.exists()
    assert not (Path("/tmp/owned").exists() or Path("owned").exists())


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: value[:20])
def test_a_hostile_branch_in_the_queue_fails_the_job_and_runs_nothing(
    farm: Farm, value: str
) -> None:
    job = farm.enqueue()
    tree = farm.folder / "old-program"
    git("clone", "--quiet", str(farm.coordination), str(tree))
    path = tree / "coordination/jobs.json"
    document = json.loads(path.read_text())
    document["jobs"][0]["branch"] = value
    path.write_text(json.dumps(document, indent=2))
    git(*AUTHOR, "-C", str(tree), "commit", "--quiet", "--all", "--message", "x")
    git("-C", str(tree), "push", "--quiet")
    done = farm.doit("build")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert farm.steps(job)["git-checkout"] == "failed"
    assert farm.job(job)["status"] == "failed"
    assert farm.ran() == []


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("enqueue", "--branch", "main"), "missing --pipeline"),
        (("enqueue", "--pipeline", "legder", "--branch", "x"), "did you mean 'ledger'?"),
        (("enqueue", "--pipeline", "ledger"), "missing --branch, --commit or --tag"),
        (("enqueue", "--pipeline", "ledger", "--branch", "x", "--priority", "11"), "priority"),
        (
            ("enqueue", "--pipeline", "ledger", "--branch", "x", "word"),
            "unexpected argument 'word'",
        ),
        (
            ("enqueue", "--pipeline", "ledger", "--branch", "x", "--param", "v=1", "--param=v=2"),
            "doit enqueue: --param v may be given only once",
        ),
        (
            ("plan", "ledger", "--param", "v=1", "--param", "v=2"),
            "--param v may be given only once",
        ),
        (("plan", "ledger", "--param", "v"), "doit plan: --param expects NAME=VALUE, found 'v'"),
        (("build", "--pipeline", "x"), "unknown pipeline 'x'"),
        (("build", "--job", "unknown"), "unknown"),
        (("build", "--builder", "../x"), "invalid builder id"),
        (("status", "--job", "unknown"), "unknown"),
    ],
    ids=lambda value: " ".join(value)[:30],
)
def test_usage(farm: Farm, args: tuple[str, ...], expected: str) -> None:
    done = farm.doit(*args)
    assert done.returncode == 3, done.stdout + done.stderr
    assert expected in one_line(done.stderr)


def test_a_mistake_in_the_pipelines_file_has_its_place(farm: Farm) -> None:
    path = farm.folder / "pipelines.yaml"
    path.write_text(path.read_text().replace("uses: git-checkout", "uses: git-chekout"))
    for command in ("list", "build", "rerun job_1", "clean", "plan ledger"):
        done = farm.doit(*command.split())
        assert done.returncode == 3
        line = one_line(done.stderr)
        assert f"{path}:7:15: unknown step kind 'git-chekout'" in line
        assert "did you mean 'git-checkout'?" in line


def test_with_json_an_error_is_an_object_on_stderr(farm: Farm) -> None:
    done = farm.doit("status", "--job", "unknown", "--json")
    assert (done.returncode, done.stdout) == (3, "")
    assert json.loads(one_line(done.stderr)) == {
        "error": "unknown job 'unknown'",
        "exit_code": 3,
    }
    path = farm.folder / "pipelines.yaml"
    path.write_text(path.read_text().replace("uses: git-checkout", "uses: git-chekout"))
    done = farm.doit("plan", "ledger", "--json")
    assert (done.returncode, done.stdout) == (3, "")
    assert json.loads(one_line(done.stderr))["error"].startswith(f"{path}:7:15: ")


def test_a_mistake_in_the_builders_file_has_its_place(farm: Farm) -> None:
    path = farm.folder / "builder.yaml"
    path.write_text(path.read_text() + "flush_evry: 1s\n")
    lines = len(path.read_text().splitlines())
    for command in ("list", "jobs", "build"):
        done = farm.doit(command)
        assert done.returncode == 3
        assert (
            f"{path}:{lines}:1: unknown key 'flush_evry'; did you mean 'flush_every'?"
            in one_line(done.stderr)
        )


def test_a_commit_that_the_source_lacks_fails_clearly(farm: Farm) -> None:
    job = farm.enqueue("--commit", "1" * 40)
    done = farm.doit("build")
    assert done.returncode == 1
    end = next(t for t in farm.transitions(job) if t["to"] == "failed")
    assert end["step"] == "git-checkout"
    assert end["details"]["code"] == "COMMIT_NOT_FOUND"
    assert "1111111" in end["reason"]


def test_no_remote(farm: Farm) -> None:
    assert farm.doit("locks", "--take", "known").returncode == 0, "its clone knows a version"
    farm.coordination.rename(farm.folder / "away")
    for command in (
        ("messages",),
        ("build",),
        ("send", "--to", "all", "--subject", "x"),
        ("locks", "--take", "x"),
        ("enqueue", "--pipeline", "ledger", "--branch", "main"),
        ("squash-heartbeat",),
    ):
        done = farm.doit(*command)
        assert done.returncode == 1
        line = one_line(done.stderr)
        assert "cannot reach the coordination repository" in line
        assert line.endswith(". Try again later."), "nothing of it waits in the outbox"


def test_who_reads_may_leave(farm: Farm) -> None:
    """`| head` closes the pipe: a list stops without a word, a build goes on to its end."""
    for _ in range(3):
        farm.enqueue()
    reader, writer = os.pipe()
    os.close(reader)
    for command in (("jobs",), ("jobs", "--json")):
        listing = farm.start(*command, stdout=writer)
        _, told = listing.communicate(timeout=PATIENCE)
        assert (listing.returncode, told) == (1, "")
    build = farm.start("build", stdout=writer)
    build.communicate(timeout=PATIENCE)
    os.close(writer)
    assert build.returncode == 0
    assert farm.ran() == ["first", "second", "third"]


def test_a_full_disk_behind_the_output_is_one_line(farm: Farm) -> None:
    farm.enqueue()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "doit", "jobs"],
            check=False,
            cwd=HOME,
            env=farm.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert one_line(done.stderr) == "doit jobs: No space left on device"


def test_a_state_folder_that_cannot_be_is_one_line(farm: Farm) -> None:
    (farm.folder / "state").write_text("a file, where a folder is needed")
    done = farm.doit("jobs")
    assert done.returncode == 1
    assert str(farm.folder / "state") in one_line(done.stderr)


def test_a_machine_without_git_is_told_so(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    done = farm.doit("jobs")
    assert (done.returncode, one_line(done.stderr)) == (
        3,
        "doit jobs: git is not on PATH: apt-get install git",
    )
    doctor = farm.doit("doctor", "--json")
    assert doctor.returncode == 1, doctor.stderr
    checks = {check["check"]: check for check in json.loads(doctor.stdout)}
    assert checks["git"]["remedy"] == "apt-get install git"
    assert checks["coordination repository"]["ok"] is False


def test_a_terminal_that_shows_ascii_only(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    for command in (("graph", "ledger"), ("doctor",)):
        done = farm.doit(*command)
        assert done.stderr == ""
        assert "?" in done.stdout
    assert json.loads(farm.doit("graph", "ledger", "--json").stdout)["pipeline"] == "ledger"


def test_a_word_where_a_number_is_wanted(farm: Farm) -> None:
    done = farm.doit("enqueue", "--pipeline", "ledger", "--branch", "x", "--priority", "high")
    assert done.returncode == 3
    assert one_line(done.stderr) == "doit enqueue: --priority expects a number"
    done = farm.doit("build", "-n", "abc")
    assert one_line(done.stderr) == "doit build: --parallel expects a number"
    done = farm.doit("build", "-n", "1000000")
    assert done.returncode == 3
    assert one_line(done.stderr) == "doit build: --parallel expects at most 256, found 1000000"


def test_a_state_folder_on_a_disk_that_takes_nothing(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert farm.doit("jobs").returncode == 0
    monkeypatch.setenv("BUILDER_STATE_DIR", "/proc/self")
    for command in (("jobs",), ("outbox",), ("send", "--to", "all", "--subject", "x"), ("build",)):
        done = farm.doit(*command)
        assert done.returncode == 1
        assert "/proc/self" in one_line(done.stderr)
        assert "Try again later" not in done.stderr


def test_a_plan_that_nobody_can_take(farm: Farm) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "doit", "plan", "ledger"],
            check=False, cwd=HOME, env=farm.environment, stdout=full, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
    assert (done.returncode, one_line(done.stderr)) == (1, "doit plan: No space left on device")


def test_a_task_of_a_pipeline_without_a_job(farm: Farm) -> None:
    done = farm.doit("ledger")
    assert done.returncode == 1
    assert "Queue one with `doit enqueue` and run `doit build`." in done.stdout + done.stderr

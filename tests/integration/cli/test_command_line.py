"""Command lines that doit itself would answer with a traceback or a page of its own, and readers
that leave: whatever comes, one clear line or nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import import_module

import pytest
from doit.doit_cmd import DoitMain

from common.cli.command import Command
from tests.conftest import HOME, PATIENCE, Farm

UNKNOWN = "not recognized"
NO_DATABASE = "doit keeps no database here; see `doit help explain`, `doit help forget`"


def shell(farm: Farm, arguments: str) -> subprocess.CompletedProcess[str]:
    """`doit` with arguments and redirections for bash."""
    return subprocess.run(
        ["bash", "-c", f"{sys.executable} -m doit {arguments}"], check=False, cwd=HOME,
        env=farm.environment, timeout=PATIENCE, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("line", ["help", "help jobs", "list", "plan ledger", "--version"])
def test_a_reader_may_leave(farm: Farm, line: str, unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as nowhere:
        done = subprocess.run(
            [sys.executable, "-m", "doit", *line.split()], check=False, cwd=HOME,
            env={**farm.environment, "PYTHONUNBUFFERED": unbuffered}, timeout=PATIENCE,
            stdout=nowhere, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.stderr == ""
    assert done.returncode == (0 if line == "--version" else 1)


def test_every_command_is_one_of_ours() -> None:
    """Each of doit's own is replaced by one that ends like ours when its reader leaves."""
    config = tomllib.loads((HOME / "pyproject.toml").read_text())["tool"]["doit"]
    places = config["plugins"]["command"]
    assert {command.get_name() for command in DoitMain.DOIT_CMDS} <= set(places)
    for module, _, name in (place.partition(":") for place in places.values()):
        assert issubclass(getattr(import_module(module), name), Command)


def test_a_command_may_begin_without_any_standard_stream(farm: Farm) -> None:
    farm.enqueue()
    for line in ("help", "list", "jobs", "plan ledger"):
        done = shell(farm, f"{line} >&-")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert shell(farm, "build <&- >&- 2>&-").returncode == 0
    assert farm.ran() == ["first", "second", "third"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--job ''", "doit: an argument is empty; leave it out or give it a value"),
        ("jobs ''", "doit: an argument is empty; leave it out or give it a value"),
        ("-f nowhere.py jobs", "doit: Could not find dodo file"),
        ("-f README.md jobs", "doit: README.md cannot be loaded: No module named 'README'"),
        ("-f tests jobs", "doit: tests is a folder; --file expects a dodo.py"),
    ],
)
def test_bad_arguments_before_a_command(farm: Farm, line: str, expected: str) -> None:
    done = shell(farm, line)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(expected)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("jbos", "doit: unknown command or task 'jbos'; did you mean 'jobs'?"),
        ("ledgr", "doit: unknown command or task 'ledgr'; did you mean 'ledger'?"),
        ("qqq", "doit: unknown command or task 'qqq'; see `doit help`"),
        ("-v 2 list", "doit: name the command first: doit list"),
        ("--job x", f"doit: option --job {UNKNOWN}; name the command first: doit COMMAND --job"),
        ("--json jobs", f"doit: option --json {UNKNOWN}; name the command first: doit jobs --json"),
        ("-n", "doit: option -n requires an argument; see `doit help run`"),
        ("run --bogus", "doit: option --bogus not recognized; see `doit help run`"),
        ("run -n x", "doit: --process expects a number"),
        ("run -o /nowhere/x ledger", "doit: No such file or directory: /nowhere/x"),
        ("jobs --jsom", "doit jobs: option --jsom not recognized; did you mean '--json'?"),
        ("jobs --limit", "doit jobs: option --limit requires an argument; see `doit help jobs`"),
        ("list --sort x", "doit list: --sort expects one of name, definition, found 'x'"),
        ("list ledgr", "doit list: unknown task 'ledgr'; did you mean 'ledger'?"),
        ("info qqq", "doit info: unknown task 'qqq'; see `doit list --all`"),
        ("info", "doit info: expected the name of one task; see `doit list --all`"),
        ("strace qqq", "doit strace: unknown task 'qqq'; see `doit list --all`"),
        ("help jbos", "doit help: unknown command or task 'jbos'; did you mean 'jobs'?"),
        ("help jobs x", "doit help: unexpected argument 'x'"),
        ("dumpdb", f"doit dumpdb: {NO_DATABASE}"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(farm: Farm, line: str, expected: str) -> None:
    done = farm.doit(*line.split())
    assert done.returncode == (1 if "nowhere" in line else 3)
    assert (done.stdout, done.stderr) == ("", f"{expected}\n")


def test_options_of_doit_may_stand_before_the_command(farm: Farm) -> None:
    done = farm.doit("-f", "dodo.py", "plan", "ledger", "--param", "a=1")
    assert done.stderr.startswith("doit plan: unknown parameter 'a'")


def test_help_lists_the_commands_in_groups_and_shows_each(farm: Farm) -> None:
    listed = farm.doit("help")
    assert (listed.returncode, listed.stderr) == (0, "")
    blocks = [block.splitlines() for block in listed.stdout.split("\n\n")]
    headings = [block[0] for block in blocks[1:-1]]
    assert headings == [
        "Build", "Queue", "Look", "Pipelines", "Farm", "Care", "doit's own, rarely needed",
    ]  # fmt: skip
    assert ["jobs", "list"] in [line.split()[:2] for line in blocks[3]]
    assert shell(farm, "--help").stdout == shell(farm, "-h").stdout == listed.stdout
    for line in ("help fsck", "fsck --help", "fsck -h"):
        shown = farm.doit(*line.split()).stdout
        assert "(config:" not in shown
        assert "DB backend" not in shown
        assert max(map(len, shown.splitlines())) <= 80
    assert farm.doit("help", "ledger:first").stdout.startswith("ledger:first  ")
    assert "Task Dictionary" in farm.doit("help", "task").stdout


def test_help_flows_to_the_width_of_the_terminal(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = {}
    for columns in ("1", "60", "90", "1000"):
        monkeypatch.setenv("COLUMNS", columns)
        lines = farm.doit("help", "doctor").stdout.splitlines()
        longest[columns] = max(map(len, lines))
    assert 30 < longest["1"] <= 40
    assert 50 < longest["60"] <= 60
    assert 80 < longest["90"] <= 90
    assert 90 < longest["1000"] <= 100


def test_doit_alone_shows_the_five_commands_that_one_needs(farm: Farm) -> None:
    done = shell(farm, "")
    assert (done.returncode, done.stderr) == (0, "")
    shown = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert {"status", "enqueue", "build", "explain", "doctor"} <= set(shown)
    assert done.stdout.count("\n") <= 12


def test_version_is_ours(farm: Farm) -> None:
    project = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
    done = farm.doit("version")
    assert done.stdout.startswith(f"{project['name']} {project['version']}, commit ")
    assert str(HOME) in done.stdout


@pytest.mark.parametrize("line", ["", "build", "status --job x", "-h"])
def test_a_wrong_folder_says_where_to_go(farm: Farm, line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "doit", *line.split()], check=False, cwd=farm.folder,
        env=farm.environment, timeout=PATIENCE, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"doit: this folder has no dodo.py. Run `cd {HOME}` first.\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("doit exp", "explain"),
        ("doit explain ", "{job}"),
        ("doit retry {job}", "{job}"),
        ("doit build --pipe", "--pipeline"),
        ("doit enqueue --pipeline ", "ledger"),
        ("doit status --state f", "failed"),
        ("doit completion ", "bash fish zsh"),
        ("doit nonsense ", ""),
        ("doit drain ", "build1"),
    ],
)
def test_the_shell_completes_from_what_this_host_knows(farm: Farm, line: str, words: str) -> None:
    job = farm.enqueue()
    if words == "build1":
        assert farm.doit("build").returncode == 0
        assert farm.doit("jobs").returncode == 0
    farm.coordination.rename(farm.folder / "away")
    done = farm.doit("completion", "--line", line.format(job=job))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == words.format(job=job).split()


def test_bash_completes_a_command(farm: Farm) -> None:
    script = (
        f'doit() {{ {sys.executable} -m doit "$@"; }}; eval "$(doit completion bash)"; '
        'COMP_LINE="doit squ"; COMP_POINT=8; COMP_WORDS=(doit squ); COMP_CWORD=1; '
        'complete -p doit >&2; _doit_complete; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script], check=False, cwd=HOME,
        env=farm.environment, timeout=PATIENCE, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "squash-heartbeat\n", done.stderr
    assert done.stderr == "complete -o default -F _doit_complete doit\n"

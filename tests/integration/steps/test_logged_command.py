from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipelines.domain.errors import FailureCode, StepCancelled, StepFailed
from pipelines.domain.pipeline import Command
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.logged_command import LoggedCommandRunner
from tests.conftest import LIMITS, PATIENCE, has_line, is_gone, line_in


@pytest.fixture
def cancellation() -> Iterator[Cancellation]:
    switch = Cancellation()
    yield switch
    switch.close()


@pytest.fixture
def runner(tmp_path: Path, cancellation: Cancellation) -> LoggedCommandRunner:
    return LoggedCommandRunner(
        tmp_path / "logs" / "step.log",
        marker=f"test/{tmp_path.name}",
        cancellation=cancellation,
        grace=0.5,
    )


def script(text: str, cwd: Path, timeout: float | None = None) -> Command:
    return Command(argv=("bash", "-c", text), cwd=cwd, env=dict(os.environ), timeout=timeout)


def pid_in(file: Path) -> int:
    return int(line_in(file))


def test_output_goes_to_the_log_between_command_and_exit_code(
    runner: LoggedCommandRunner, tmp_path: Path
) -> None:
    seen: list[str] = []

    code = runner.run(
        script("echo out; echo err >&2; printf 'no end'; exit 3", tmp_path), seen.append
    )

    assert code == 3
    assert seen == ["out", "err", "no end"]
    lines = runner.log.read_text().splitlines()
    assert lines[:-1] == [
        "$ bash -c 'echo out; echo err >&2; printf '\"'\"'no end'\"'\"'; exit 3'",
        "out",
        "err",
        "no end",
    ]
    assert lines[-1].startswith("# exit code 3, after ")


def test_commands_of_a_step_follow_each_other_in_one_log(
    runner: LoggedCommandRunner, tmp_path: Path
) -> None:
    seen: list[str] = []
    runner.run(script("echo first", tmp_path), seen.append)
    runner.run(script("echo second", tmp_path), seen.append)

    assert seen == ["first", "second"]
    assert [line for line in runner.log.read_text().splitlines() if line[0] not in "$#"] == seen


def test_lines_arrive_while_the_command_runs(runner: LoggedCommandRunner, tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"

    def on_line(line: str) -> None:
        if line == "waiting":
            go_on.touch()

    text = f"echo waiting; until [ -e {go_on} ]; do sleep 0.01; done"
    assert runner.run(script(text, tmp_path, timeout=PATIENCE), on_line) == 0


def test_the_environment_is_only_what_is_given_and_the_marker(
    runner: LoggedCommandRunner, tmp_path: Path
) -> None:
    seen: list[str] = []
    runner.run(Command(argv=("/usr/bin/env",), cwd=tmp_path, env={"ONE": "1"}), seen.append)

    assert sorted(seen) == [f"BUILD_COORDINATION_ATTEMPT=test/{tmp_path.name}", "ONE=1"]


def test_standard_input_is_empty(runner: LoggedCommandRunner, tmp_path: Path) -> None:
    assert runner.run(script("! read line", tmp_path, timeout=PATIENCE)) == 0


def test_the_exit_code_of_a_killed_command_names_the_signal(
    runner: LoggedCommandRunner, tmp_path: Path
) -> None:
    assert runner.run(script("kill -9 $$", tmp_path)) == 128 + signal.SIGKILL


def test_secrets_are_masked_in_the_command_line(tmp_path: Path, cancellation: Cancellation) -> None:
    runner = LoggedCommandRunner(
        tmp_path / "log", marker="m", cancellation=cancellation, secrets=["hunter2", ""]
    )
    runner.run(
        Command(
            argv=("true", "--password=hunter2", "https://me:token@host/x"), cwd=tmp_path, env={}
        )
    )

    assert runner.log.read_text().splitlines()[0] == "$ true '--password=***' 'https://***@host/x'"


@pytest.mark.parametrize("name", ["no-such-program", "/no/such/program"])
def test_a_missing_program_has_a_code_of_its_own(
    runner: LoggedCommandRunner, tmp_path: Path, name: str
) -> None:
    with pytest.raises(StepFailed, match=f"cannot start {name}: it is not installed") as caught:
        runner.run(Command(argv=(name,), cwd=tmp_path, env=dict(os.environ)))
    assert caught.value.code is FailureCode.TOOL_MISSING


def test_a_file_that_is_no_program(runner: LoggedCommandRunner, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with pytest.raises(StepFailed, match="it is not executable"):
        runner.run(Command(argv=("./text",), cwd=tmp_path, env={}))


def test_a_missing_directory_is_named(runner: LoggedCommandRunner, tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match=r"directory .*/nowhere does not exist") as caught:
        runner.run(script("true", tmp_path / "nowhere"))
    assert caught.value.code is FailureCode.COMMAND_FAILED


def test_time_limit_ends_the_tree_with_what_left_the_session(
    runner: LoggedCommandRunner, tmp_path: Path
) -> None:
    escaped, orphan = tmp_path / "escaped", tmp_path / "orphan"
    text = (
        f"setsid bash -c 'echo $$ > {escaped}; exec sleep 1000' & "
        f"(setsid bash -c 'trap \"\" TERM; echo $$ > {orphan}; while :; do sleep 0.1; done' &); "
        "sleep 1000"
    )
    for limit in LIMITS:
        with pytest.raises(
            StepFailed, match=r"bash was stopped after \d+ s: its timeout expired"
        ) as caught:
            runner.run(script(text, tmp_path, timeout=limit))
        assert caught.value.code is FailureCode.TIMEOUT
        if has_line(escaped) and has_line(orphan):
            break

    assert is_gone(pid_in(escaped))
    assert is_gone(pid_in(orphan))


def test_the_step_has_a_time_limit_too(tmp_path: Path, cancellation: Cancellation) -> None:
    runner = LoggedCommandRunner(
        tmp_path / "log", marker="m", cancellation=cancellation, deadline=time.monotonic() - 1
    )
    with pytest.raises(StepFailed, match="its timeout expired"):
        runner.run(script("sleep 1000", tmp_path, timeout=500))


def test_cancelling_from_a_thread_ends_a_command_that_ignores_sigterm(
    runner: LoggedCommandRunner, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    text = f"trap '' TERM; echo $$ > {pid_file}; while :; do sleep 0.05; done"

    def cancel() -> None:
        pid_in(pid_file)
        runner.cancel("the claim was lost")

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(StepCancelled, match="the claim was lost"):
        runner.run(script(text, tmp_path, timeout=PATIENCE))
    thread.join()

    assert is_gone(pid_in(pid_file))
    assert "# ended: the claim was lost, after " in runner.log.read_text()


def test_cancelling_from_a_signal_handler(runner: LoggedCommandRunner, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGUSR1, lambda number, frame: runner.cancel("told to end"))
    try:
        with pytest.raises(StepCancelled, match="told to end"):
            # again and again: one that comes just before the wait begins does not end it
            tell = f"while :; do kill -USR1 {os.getpid()}; sleep 0.1; done"
            runner.run(script(tell, tmp_path, PATIENCE))
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_nothing_starts_after_a_cancellation(runner: LoggedCommandRunner, tmp_path: Path) -> None:
    runner.cancel("first")
    runner.cancel("second")
    with pytest.raises(StepCancelled, match="first"):
        runner.run(script("touch started", tmp_path))
    assert not (tmp_path / "started").exists()


def test_a_stopped_terminal_does_not_keep_the_command_alive(
    runner: LoggedCommandRunner, tmp_path: Path
) -> None:
    terminal_goes_on = threading.Event()

    def on_line(line: str) -> None:
        runner.cancel("told to end")
        terminal_goes_on.wait(PATIENCE)

    with pytest.raises(StepCancelled):
        runner.run(script("echo $$; sleep 1000", tmp_path, PATIENCE), on_line)

    terminal_goes_on.set()
    assert is_gone(int(runner.log.read_text().splitlines()[1]))


def test_a_daemon_that_holds_standard_output_is_not_waited_for(
    runner: LoggedCommandRunner, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    seen: list[str] = []
    text = f"setsid bash -c 'echo $$ > {pid_file}; exec sleep 1000' & echo started"

    assert runner.run(script(text, tmp_path, timeout=PATIENCE), seen.append) == 0

    assert seen == ["started"]
    daemon = psutil.Process(pid_in(pid_file))
    assert daemon.is_running()
    daemon.kill()


def test_fifty_megabytes_of_output(runner: LoggedCommandRunner, tmp_path: Path) -> None:
    count = 0

    def on_line(line: str) -> None:
        nonlocal count
        count += 1

    runner.run(
        script("yes 'a line of forty-nine characters and its line end' | head -1050000", tmp_path),
        on_line,
    )

    assert count == 1_050_000
    assert runner.log.stat().st_size > 50_000_000


def test_an_error_in_the_callback_is_not_lost(runner: LoggedCommandRunner, tmp_path: Path) -> None:
    def on_line(line: str) -> None:
        raise ValueError(line)

    with pytest.raises(ValueError, match="hello"):
        runner.run(script("echo hello", tmp_path), on_line)


def test_a_full_disk_under_the_log(cancellation: Cancellation, tmp_path: Path) -> None:
    runner = LoggedCommandRunner(Path("/dev/full"), marker="m", cancellation=cancellation)
    with pytest.raises(StepFailed, match="no space is left to write /dev/full") as caught:
        runner.run(script("true", tmp_path))
    assert caught.value.code is FailureCode.DISK_FULL


def test_a_disk_that_the_command_fills(tmp_path: Path) -> None:
    """In a mount namespace of its own, which an unprivileged user may have too."""
    program = f"""
import os, sys
from pathlib import Path
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.logged_command import LoggedCommandRunner
from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import Command
folder = Path({str(tmp_path)!r})
runner = LoggedCommandRunner(folder / "log", marker="m", cancellation=Cancellation())
disk = folder / "disk"
command = Command(argv=("dd", "if=/dev/zero", "of=big", "bs=1M"), cwd=disk, env=dict(os.environ))
try:
    runner.run(command)
except StepFailed as error:
    print(error.code, error.message)
"""
    (tmp_path / "disk").mkdir()
    mount = f'mount -t tmpfs -o size=8m none {tmp_path}/disk && exec {sys.executable} -c "$0"'
    result = subprocess.run(
        ["unshare", "-rm", "bash", "-c", mount, program],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    if "unshare" in result.stderr or "mount:" in result.stderr:
        pytest.skip(f"no mount namespace here: {result.stderr}")
    assert result.stdout == f"DISK_FULL no space is left on the disk of {tmp_path}/disk\n", result


def limited(tmp_path: Path, cancellation: Cancellation, **limits: Any) -> LoggedCommandRunner:
    return LoggedCommandRunner(
        tmp_path / "logs" / "step.log",
        marker=f"test/{tmp_path.name}",
        cancellation=cancellation,
        grace=0.5,
        **limits,
    )


def test_a_command_that_falls_silent_is_ended_with_its_tree(
    tmp_path: Path, cancellation: Cancellation
) -> None:
    pid = tmp_path / "pid"
    for silence in LIMITS:
        runner = limited(tmp_path, cancellation, silence=silence)
        speaks = f"for i in 1 2 3 4; do echo $i; sleep {silence * 0.4}; done"
        said = f"bash was stopped: no output for {silence:g} s"
        with pytest.raises(StepFailed, match=said) as e:
            runner.run(script(f"{speaks}; setsid sleep 999 & echo $! > {pid}; wait", tmp_path))
        assert e.value.code is FailureCode.SILENT
        if has_line(pid):
            break
    assert is_gone(pid_in(pid))
    assert "4" in runner.log.read_text().splitlines()


def test_the_deadline_says_whose_it_was(tmp_path: Path, cancellation: Cancellation) -> None:
    runner = limited(
        tmp_path,
        cancellation,
        deadline=time.monotonic() + 0.2,
        deadline_reason="the time of the pipeline was up",
    )
    with pytest.raises(StepFailed, match="the time of the pipeline was up"):
        runner.run(script("sleep 999", tmp_path))


def test_secrets_are_masked_in_what_the_command_writes(
    tmp_path: Path, cancellation: Cancellation
) -> None:
    runner = limited(tmp_path, cancellation, secrets=["hunter2", "line-one\nline-two"])
    seen: list[str] = []
    text = "printf hun; sleep 0.1; echo ter2; echo an line-one >&2; env; printf hunter2"
    command = Command(
        argv=("bash", "-c", text), cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "S": "hunter2"}
    )
    assert runner.run(command, seen.append) == 0
    log = runner.log.read_text()
    assert "hunter2" not in log
    assert "line-one" not in log
    assert seen[:2] == ["***", "an ***"]
    assert "S=***" in seen
    assert seen[-1].endswith("***")


def test_a_daemon_that_holds_a_masked_output_is_not_waited_for(
    tmp_path: Path, cancellation: Cancellation
) -> None:
    runner = limited(tmp_path, cancellation, secrets=["hunter2"])
    pid = tmp_path / "pid"
    try:
        assert runner.run(script(f"setsid sleep 30 & echo $! > {pid}; echo done", tmp_path)) == 0
        assert "done" in runner.log.read_text().splitlines()
    finally:
        os.kill(pid_in(pid), signal.SIGKILL)


def test_a_masked_command_that_can_not_start_leaves_no_thread(
    tmp_path: Path, cancellation: Cancellation
) -> None:
    before = set(threading.enumerate())
    with pytest.raises(StepFailed) as e:
        limited(tmp_path, cancellation, secrets=["x"]).run(
            Command(argv=("no-such-program",), cwd=tmp_path, env={})
        )
    assert e.value.code is FailureCode.TOOL_MISSING
    assert set(threading.enumerate()) <= before

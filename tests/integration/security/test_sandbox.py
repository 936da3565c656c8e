"""What a commit brings runs in the sandbox of its job, and reaches neither builder nor other jobs.

Each test asks a real build.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from common.settings.sandbox import SandboxKind, SandboxSettings
from pipelines.processes.sandbox.choice import why_impossible
from pipelines.tasks.sandbox_check import check_sandbox
from tests.conftest import PATIENCE, Farm, await_that, processes_of, sleeping

pytestmark = pytest.mark.skipif(
    why_impossible() is not None, reason=f"this machine makes no sandbox: {why_impossible()}"
)


@pytest.fixture(params=["hidden", "shared"])
def secretive(farm: Farm, request: pytest.FixtureRequest) -> Farm:
    """A builder with secrets; in the second form its owner shares the folder around them."""
    config = farm.folder / "builder.yaml"
    text = config.read_text()
    if request.param == "hidden":
        text = "".join(
            line for line in text.splitlines(keepends=True) if not line.startswith("sandbox_paths")
        )
    config.write_text(f"{text}secrets_file: ./secrets.yaml\n")
    secrets = farm.folder / "secrets.yaml"
    secrets.write_text("TOKEN: of-the-builder\n")
    secrets.chmod(0o600)
    return farm


def made(farm: Farm, job: str, name: str) -> str:
    return (farm.folder / "state/build1/jobs" / job / "build/source" / name).read_text()


def test_a_step_sees_nothing_of_its_builder_or_of_another_job(secretive: Farm) -> None:
    farm = secretive
    farm.pipeline("\n- {name: makes, run: echo other > made-by-other.txt}\n")
    other = farm.enqueue()
    assert farm.doit("build").returncode == 0
    state = farm.folder / "state/build1"
    private = [
        farm.folder / "secrets.yaml",
        farm.folder / "builder.yaml",
        farm.folder / "pipelines.yaml",
        farm.coordination / "HEAD",
        state / "outbox.sqlite",
        state / "jobs" / other / "build/source/made-by-other.txt",
        *[path for path in state.rglob("HEAD") if "jobs" not in path.parts],
    ]
    assert all(path.is_file() for path in private)
    assert len(private) > 6
    looks = "\n".join(f"    cat {path} >> seen.txt 2>/dev/null || true" for path in private)
    farm.pipeline(
        f"""
- name: looks
  run: |
    : > seen.txt
{looks}
    cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep BUILDER_CONFIG >> seen.txt || true
    ls {state}/jobs > jobs.txt
    ls $(dirname $(dirname $PWD)) > own.txt
    touch /usr/marker /etc/marker 2>> denied.txt || true
    echo kept > $HOME/kept; echo gone > /tmp/gone; echo gone > $TMPDIR/gone2
- name: later
  run: ls /tmp > tmp.txt; cat $HOME/kept > home.txt
"""
    )
    job = farm.enqueue()
    done = farm.doit("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert made(farm, job, "seen.txt") == ""
    assert made(farm, job, "jobs.txt").split() == [job]
    assert {"stamps", "exit-codes", "logs", "job.json"}.isdisjoint(
        made(farm, job, "own.txt").split()
    )
    assert made(farm, job, "denied.txt").count("Read-only file system") == 2
    assert made(farm, job, "home.txt") == "kept\n"
    assert not made(farm, job, "tmp.txt").startswith("gone")


def test_a_process_that_hides_does_not_outlive_its_step(farm: Farm) -> None:
    farm.pipeline(
        """
- name: hides
  run: |
    (exec -a $LEDGER.hidden setsid env -i bash -c "exec -a $LEDGER.left sleep 3600" &)
    until pgrep -f $LEDGER.left; do sleep 0.02; done
    echo hidden > $LEDGER
"""
    )
    farm.enqueue()
    assert farm.doit("build").returncode == 0
    assert farm.ran() == ["hidden"]
    assert sleeping(farm.folder) == []


def test_nothing_is_written_after_the_end_of_a_step(farm: Farm) -> None:
    """What a command leaves behind is dead before its changes are recorded."""
    farm.pipeline(
        """
- name: writes
  run: |
    (exec env -i setsid sh -c 'while :; do echo x >> late.txt; echo x >> /tmp/late; done' &)
    until test -s late.txt; do sleep 0.02; done
- {name: counts, run: "wc -c < late.txt > before; sleep 0.5; wc -c < late.txt > after"}
"""
    )
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0
    assert made(farm, job, "before") == made(farm, job, "after")


def test_a_polite_end_reaches_the_build(farm: Farm) -> None:
    farm.pipeline(
        """
- name: ends
  shell: python
  run: |
    import os, signal, subprocess, sys, time
    def write(word):
        with open(os.environ["LEDGER"], "a") as ledger:
            print(word, file=ledger)
    def end(*_):
        time.sleep(0.3)
        write("ended")
        sys.exit(3)
    signal.signal(signal.SIGTERM, end)
    subprocess.Popen(["sleep", "3599"], env={}, start_new_session=True)
    write("runs")
    time.sleep(3600)
"""
    )
    farm.enqueue()
    process = farm.start("build")
    await_that(lambda: "runs" in farm.ran(), "the step runs")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGTERM
    assert farm.ran() == ["runs", "ended"]
    assert [p for p in processes_of(farm.folder) if p.info["name"] in ("bwrap", "sleep")] == []


@pytest.fixture
def port() -> Iterator[int]:
    """A service of this host."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_a_step_without_network_reaches_itself_alone(farm: Farm, port: int) -> None:
    farm.pipeline(
        f"""
- name: with-network
  shell: python
  run: |
    import socket
    socket.create_connection(("127.0.0.1", {port}), 5)
- name: without
  network: none
  shell: python
  run: |
    import socket
    own = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(own.getsockname(), 5)
    try:
        socket.create_connection(("127.0.0.1", {port}), 5)
    except ConnectionRefusedError:
        print("refused")
"""
    )
    job = farm.enqueue()
    done = farm.doit("build", "--verbose")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refused" in done.stdout
    farm.without_sandbox()
    other = farm.enqueue()
    assert farm.doit("build").returncode == 1
    assert "`network: none` needs the sandbox" in farm.job(other)["reason"]
    assert farm.steps(job) != farm.steps(other)


def test_the_ssh_agent_is_for_steps_that_the_pipeline_names(farm: Farm) -> None:
    farm.pipeline(
        """
- {name: without, run: "test -z \\"${SSH_AUTH_SOCK-}\\""}
- name: with-agent
  ssh_agent: true
  shell: python
  run: |
    import os, socket
    socket.socket(socket.AF_UNIX).connect(os.environ["SSH_AUTH_SOCK"])
"""
    )
    path = str(farm.folder / "agent")
    with closing(socket.socket(socket.AF_UNIX)) as agent:
        agent.bind(path)
        agent.listen()
        farm.enqueue()
        build = farm.start("build", environment={"SSH_AUTH_SOCK": path})
        out, err = build.communicate(timeout=PATIENCE)
    assert build.returncode == 0, out + err


def test_a_script_cannot_lead_its_builder_to_another_file(farm: Farm) -> None:
    """The builder writes and reads files in folders of the step: a link there is not followed."""
    victim = farm.folder / "victim"
    victim.write_text("x=stolen\n")
    farm.pipeline(
        f"""
- name: links
  values: [x]
  run: |
    ln -sf {victim} $STEP_OUTPUT
    ln -sf {victim} $(dirname $STEP_OUTPUT)/script
"""
    )
    job = farm.enqueue()
    for _ in range(2):
        assert farm.doit("build").returncode == 1
        assert victim.read_text() == "x=stolen\n"
        assert "replaced the file $STEP_OUTPUT" in farm.job(job)["reason"]
        assert farm.doit("retry", job).returncode == 0


def test_doctor_says_whether_there_is_a_sandbox(farm: Farm) -> None:
    def said() -> dict[str, object]:
        checks = json.loads(farm.doit("doctor", "--json").stdout)
        return next(check for check in checks if check["check"] == "sandbox")

    assert said()["remedy"] is None
    assert str(said()["found"]).startswith("bubblewrap ")
    farm.without_sandbox()
    assert said()["remedy"] == "remove `sandbox: none` from builder.yaml"
    warned = "builds run as root without a sandbox" if os.geteuid() == 0 else "steps can read"
    assert warned in str(said()["found"])


def test_a_machine_without_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "pipelines.tasks.sandbox_check.why_impossible",
        lambda: ("bwrap is not installed", "apt-get install bubblewrap"),
    )
    _, found, remedy, required = check_sandbox(SandboxSettings())
    assert (remedy, required) == ("apt-get install bubblewrap", False)
    assert found.startswith("bwrap is not installed: ")
    _, found, _, required = check_sandbox(SandboxSettings(kind=SandboxKind.BWRAP))
    assert (found, required) == ("bwrap is not installed: no step can run", True)

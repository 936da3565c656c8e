"""The step `publish` to a folder on another host, and to a store that speaks S3."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from moto.server import ThreadedMotoServer

from common.settings.destinations import Destination
from common.settings.ssh_hosts import SshHost
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import StepResult
from pipelines.steps.publish.place import Place
from tests.conftest import await_that
from tests.support.coordination.ssh_server import is_possible, ssh_server
from tests.support.publishing import publish

needs_sshd = pytest.mark.skipif(not is_possible(), reason="this machine has no sshd")


def made(folder: Path, text: str = "hello\n", name: str = "made.txt") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


@dataclass(frozen=True)
class Far:
    """A folder behind a real sshd, and jobs that publish there."""

    folder: Path
    host: SshHost

    @property
    def top(self) -> Path:
        return self.folder / "far away"

    @property
    def destination(self) -> Destination:
        return Destination(folder=str(self.top), ssh="web")

    def publish(self, job: str, *files: Path) -> StepResult:
        state = self.folder / f"{job}-{len(list(self.folder.iterdir()))}"
        return publish(state, files, self.destination, hosts={"web": self.host}, job=job)


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    with ssh_server(tmp_path / "keys") as address:
        keys = tmp_path / "keys"
        host = SshHost(address=address, key=f"{keys}/user", known_hosts=f"{keys}/known_hosts")
        yield Far(tmp_path, host)


@needs_sshd
def test_a_folder_on_another_host(far: Far) -> None:
    first, second = made(far.folder / "a"), made(far.folder / "b", "second\n")
    assert far.publish("web-1", first).reason == "published 2 files to site"
    assert far.publish("web-2", second).values["published"] == ["made.txt", "manifest.json"]
    current = far.top / "current"
    assert current.readlink() == Path("web-2-1")
    assert (current / "made.txt").read_text() == "second\n"
    assert (current / "made.txt").stat().st_mode & 0o777 == 0o644
    assert far.publish("web-1", first).reason == "published nothing new to site"
    assert current.readlink() == Path("web-2-1"), "what is there already moves nothing"
    with pytest.raises(StepFailed, match="/web-1-1 on web has other files") as caught:
        far.publish("web-1", second)
    assert caught.value.code is FailureCode.BAD_REQUEST

    manifest = far.top / "web-1-1/manifest.json"
    place = Place("site", far.destination, {"web": far.host})
    assert place.offer("web-1-1", [first, manifest], go_back=True) == (("web-1-1",), ())
    assert current.readlink() == Path("web-1-1")
    assert place.offer("web-1-1", [first, manifest], go_back=True) == ((), ())


@needs_sshd
def test_a_host_that_refuses_is_named_in_one_line(far: Far) -> None:
    (far.folder / "keys/user.pub").write_text("")
    with pytest.raises(StepFailed, match=r"cannot publish on web: .*Permission denied") as caught:
        far.publish("web-1", made(far.folder / "a"))
    assert caught.value.code is FailureCode.NETWORK
    with pytest.raises(StepFailed, match=r"unknown host 'web' \(known: none\)"):
        publish(far.folder / "s", [made(far.folder / "a")], far.destination)


@needs_sshd
@pytest.mark.slow
def test_a_kill_while_it_sends_leaves_nothing_that_counts(far: Far) -> None:
    large = made(far.folder / "large", "")
    with large.open("wb") as stream:
        stream.truncate(200_000_000)
    script = (
        "from pathlib import Path; from tests.support.publishing import publish\n"
        "from common.settings.destinations import Destination\n"
        "from common.settings.ssh_hosts import SshHost\n"
        f"publish(Path({str(far.folder / 'killed')!r}), [Path({str(large)!r})],"
        f" {far.destination!r}, hosts={{'web': {far.host!r}}}, job='web-1')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    await_that((far.top / ".web-1-1.new/made.txt").exists, "the first bytes arrive")
    whole = psutil.Process(process.pid)
    for one in (whole, *whole.children(recursive=True)):
        one.kill()  # as when the builder's power is cut: tar and ssh end, too
    process.wait()
    assert not (far.top / "current").exists()
    small = made(far.folder / "a")
    assert far.publish("web-1", small).values["published"], "it waits until the killed one is gone"
    assert (far.top / "current/made.txt").read_text() == "hello\n"
    assert [path.name for path in far.top.iterdir() if ".new" in path.name] == []


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(name, value)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
    client.create_bucket(Bucket="builds")
    yield client
    server.stop()


def content(store: Any, key: str) -> str:
    return str(store.get_object(Bucket="builds", Key=key)["Body"].read().decode())


def test_a_store_that_speaks_s3(store: Any, tmp_path: Path) -> None:
    destination = Destination(s3="builds/web", endpoint=store.meta.endpoint_url)
    first, second = made(tmp_path / "a"), made(tmp_path / "b", "second\n")
    done = publish(tmp_path / "s1", [first], destination, job="web-1")
    assert done.values["published"] == ["made.txt", "manifest.json"]
    publish(tmp_path / "s2", [second], destination, job="web-2")
    assert content(store, "web/current") == "web-2-1\n"
    assert content(store, "web/web-2-1/made.txt") == "second\n"
    again = publish(tmp_path / "s3", [first], destination, job="web-1")
    assert again.reason == "published nothing new to site"
    assert content(store, "web/current") == "web-2-1\n"
    with pytest.raises(StepFailed, match=r"web-1-1/made\.txt has other bytes: SHA-256 .* there"):
        publish(tmp_path / "s4", [second], destination, job="web-1")

    # as a kill leaves it: a file without manifest and pointer
    for key in ("web/web-2-1/manifest.json", "web/current"):
        store.delete_object(Bucket="builds", Key=key)
    rest = publish(tmp_path / "s5", [second], destination, job="web-2")
    assert rest.values["published"] == ["manifest.json"]
    assert content(store, "web/current") == "web-2-1\n"

    place = Place("site", destination, {})
    files = [first, tmp_path / "s1/jobs/web-1/manifest.json"]
    assert files[1].is_file()
    assert place.offer("web-1-1", files, go_back=True) == (("web-1-1",), ())
    assert place.offer("web-1-1", files, go_back=True) == ((), ())
    assert content(store, "web/current") == "web-1-1\n"


def test_a_store_that_refuses_is_named_in_one_line(store: Any, tmp_path: Path) -> None:
    url = store.meta.endpoint_url
    for destination, why in {
        Destination(s3="other", endpoint=url): "cannot publish to s3://other: ",
        Destination(s3="builds", endpoint="http://127.0.0.1:9"): "Could not connect",
        Destination(s3="builds", endpoint=url, profile="nobody"): "profile .*nobody.* not be found",
        Destination(s3="builds", endpoint="nowhere"): "Invalid endpoint",
    }.items():
        with pytest.raises(StepFailed, match=why) as caught:
            publish(tmp_path / str(hash(destination)), [made(tmp_path / "a")], destination)
        assert "\n" not in caught.value.message

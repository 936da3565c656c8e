"""Alerts of a real farm, with services on the loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Farm, await_that

TOKEN = "a-token-of-nobody"


class Service:
    """A service that takes JSON, and what it got: method, path, authorization, document."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, str, dict[str, Any]]] = []
        self.port = 0

    @contextmanager
    def running(self) -> Iterator[Service]:
        got = self.got

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told = str(self.headers["Authorization"])
                got.append((self.command, self.path, told, json.loads(body)))
                answer = json.dumps({"number": 7}).encode()
                self.send_response(201)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_PATCH(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    with Service().running() as running:
        yield running


def tell(farm: Farm, service: Service, digest: str = "1s") -> Path:
    """Let the farm tell people; returns the file that a program writes."""
    heard, script = farm.folder / "heard", farm.folder / "page"
    script.write_text(f"#!/bin/sh\ncat >> {heard}\n")
    script.chmod(0o755)
    (farm.folder / "farm.yaml").write_text(f"""
alerts: {{disk: off, digest: {digest}}}
channels:
  hook: {{apprise: HOOK}}
  pager: {{command: {script}}}
  tracker: {{github: {{repository: o/r, token: TOKEN, api: "http://127.0.0.1:{service.port}"}}}}
  book: {{messages: all}}
""")
    secrets = farm.folder / "secrets.yaml"
    secrets.write_text(f"HOOK: json://127.0.0.1:{service.port}/hook\nTOKEN: {TOKEN}\n")
    secrets.chmod(0o600)
    config = farm.folder / "builder.yaml"
    config.write_text(config.read_text() + "secrets_file: ./secrets.yaml\n")
    return heard


def test_each_channel_is_told_once_of_a_failure_and_of_the_recovery(
    farm: Farm, service: Service
) -> None:
    heard = tell(farm, service)
    assert farm.doit("validate").returncode == 0
    farm.second("exit 3")
    farm.enqueue("--id", "bad")
    assert farm.doit("build").returncode == 1
    shown = json.loads(farm.doit("alerts", "--json").stdout)
    assert [(each["kind"], each["told_at"]) for each in shown] == [("job_failed", None)]
    assert "ledger main: job bad failed" in farm.doit("alerts").stdout
    for name in ("build1", "build2"):
        farm.start("watch", builder=name)
    await_that(lambda: heard.exists() and '"open"' in heard.read_text(), "the program is told")
    await_that(lambda: len(service.got) == 2, "the services are told")
    farm.second("echo second >> $LEDGER")
    farm.enqueue("--id", "good")
    assert farm.doit("build", builder="build3").returncode == 0
    await_that(lambda: '"over"' in heard.read_text(), "the program is told of the end")
    await_that(lambda: len(service.got) == 5, "the services are told of the end")
    notices = [json.loads(line)["notices"] for line in heard.read_text().splitlines()]
    assert [(each[0]["kind"], each[0]["state"]) for each in notices] == [
        ("job_failed", "open"),
        ("job_failed", "over"),
    ]
    hooks = [document for _, path, _, document in service.got if path == "/hook"]
    assert [each["title"].partition(":")[0] for each in hooks] == ["ledger main", "over"]
    issues = [(m, path, auth) for m, path, auth, _ in service.got if path != "/hook"]
    assert issues == [
        ("POST", "/repos/o/r/issues", f"Bearer {TOKEN}"),
        ("POST", "/repos/o/r/issues/7/comments", f"Bearer {TOKEN}"),
        ("PATCH", "/repos/o/r/issues/7", f"Bearer {TOKEN}"),
    ]
    await_that(
        lambda: "over: " in farm.read("coordination/messages.json"), "the messages are there"
    )
    farm.end_all()
    assert TOKEN not in "".join(farm.read(path) for path in farm.files())
    assert "nothing is wrong" in farm.doit("alerts").stdout


def test_the_channels_can_be_tried(farm: Farm, service: Service) -> None:
    heard = tell(farm, service)
    tried = farm.doit("alerts", "--test")
    assert tried.returncode == 0, tried.stdout
    assert tried.stdout.splitlines() == [
        f"channel {name}: sent" for name in ("hook", "pager", "tracker", "book")
    ]
    assert json.loads(heard.read_text()) == {
        "title": "test of channel pager by builder build1",
        "notices": [],
    }
    (farm.folder / "secrets.yaml").write_text("HOOK: nonsense\n")
    (farm.folder / "page").unlink()
    tried = farm.doit("alerts", "--test", "--json")
    assert tried.returncode == 1
    problems = {each["name"]: each["problem"] for each in json.loads(tried.stdout)}
    assert problems["hook"] == "channel hook: its secret is not an address of Apprise"
    assert problems["pager"].endswith("/page: No such file or directory")
    assert problems["tracker"].startswith("missing secret TOKEN: set it in ")
    assert problems["book"] is None


def test_mistakes_of_the_farm_file_have_their_place(farm: Farm) -> None:
    file = farm.folder / "farm.yaml"
    file.write_text("alerts: {builder_silent: soon}\n")
    wrong = farm.doit("validate")
    assert wrong.returncode == 3
    assert f"{file}:1:26: builder_silent: expected a duration" in wrong.stderr
    assert farm.doit("validate", str(file)).returncode == 3
    assert farm.doit("alerts").returncode == 3
    file.write_text("channels: {ops: {messages: all}}\n")
    assert farm.doit("validate", str(file)).stdout == f"{file}: valid\n"
    pipelines = farm.folder / "pipelines.yaml"
    text = pipelines.read_text()
    pipelines.write_text(text.replace("    steps:", "    notify: {to: opps}\n    steps:", 1))
    wrong = farm.doit("validate")
    assert wrong.returncode == 3
    assert "notify: unknown channel 'opps'; did you mean 'ops'?" in wrong.stderr

"""A password in the repository's URL reaches the server that asks for it, and nothing else."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.git.remote import resolve_branch
from pipelines.steps.checkout import GIT_CHECKOUT, CheckoutOptions
from tests.support.pipelines.git_source import GitSource
from tests.support.pipelines.step_context import Request, Steps

PASSWORD = "s3cret-of-the-test"
EXPECTED = "Basic " + base64.b64encode(f"me:{PASSWORD}".encode()).decode()


class AskingHandler(SimpleHTTPRequestHandler):
    """Git's dumb protocol: files below a folder, for who has the password."""

    def do_GET(self) -> None:
        if self.headers.get("Authorization") == EXPECTED:
            super().do_GET()
            return
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="test"')
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing on the terminal."""


@pytest.fixture
def source(tmp_path: Path) -> GitSource:
    return GitSource(tmp_path / "origin")


@pytest.fixture
def host(source: GitSource) -> Iterator[str]:
    handler = partial(AskingHandler, directory=str(source.path.parent))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_the_password_is_used_and_written_nowhere(
    source: GitSource, host: str, tmp_path: Path
) -> None:
    commit = source.commit({"a": "1"})
    source.git("update-server-info")
    url = f"http://me:{PASSWORD}@{host}/origin/.git"
    context = Steps(tmp_path).context(url, request=Request(commit=commit))

    result = GIT_CHECKOUT.run(CheckoutOptions(), context)

    assert (context.workspace.source / "a").read_text() == "1"
    assert result.values["repository"] == f"http://{host}/origin/.git"
    assert resolve_branch(url, "main", context.env) == commit
    for path in (tmp_path / "state").rglob("*"):
        assert path.is_dir() or PASSWORD.encode() not in path.read_bytes(), path


def test_a_wrong_password_is_said_and_not_shown(
    source: GitSource, host: str, tmp_path: Path
) -> None:
    commit = source.commit({"a": "1"})
    source.git("update-server-info")
    url = f"http://me:wrong-{PASSWORD}@{host}/origin/.git"
    context = Steps(tmp_path).context(url, request=Request(commit=commit))

    with pytest.raises(StepFailed, match="Authentication failed") as caught:
        GIT_CHECKOUT.run(CheckoutOptions(), context)

    assert caught.value.code is FailureCode.SOURCE_UNREACHABLE
    assert not caught.value.retryable
    shown = f"{caught.value} {caught.value.excerpt} {context.commands.log.read_text()}"
    assert PASSWORD not in shown


def test_a_commit_that_a_plain_file_server_lacks(
    source: GitSource, host: str, tmp_path: Path
) -> None:
    source.commit({"a": "1"})
    source.git("update-server-info")
    url = f"http://me:{PASSWORD}@{host}/origin/.git"
    context = Steps(tmp_path).context(url, request=Request(commit="a" * 40))
    with pytest.raises(StepFailed, match="unknown commit") as caught:
        GIT_CHECKOUT.run(CheckoutOptions(), context)
    assert caught.value.code is FailureCode.COMMIT_NOT_FOUND
    # Git's own message for this one has the URL as it was given.
    assert "Unable to find" in context.commands.log.read_text()
    assert PASSWORD not in context.commands.log.read_text()


def test_a_helper_of_the_user_that_stores_passwords_is_not_told(
    source: GitSource, host: str, tmp_path: Path
) -> None:
    commit = source.commit({"a": "1"})
    source.git("update-server-info")
    config = tmp_path / "gitconfig"
    config.write_text(f"[credential]\n\thelper = store --file {tmp_path}/stored\n")
    context = Steps(tmp_path).context(
        f"http://me:{PASSWORD}@{host}/origin/.git",
        request=Request(commit=commit),
        env={"GIT_CONFIG_GLOBAL": str(config)},
    )
    GIT_CHECKOUT.run(CheckoutOptions(), context)
    assert not (tmp_path / "stored").exists()

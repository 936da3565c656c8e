"""Servers on free ports of 127.0.0.1 that serve the bare repositories of a folder, each its way."""

from __future__ import annotations

import base64
import gzip
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.conftest import await_that

_PORTS = 3
SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")


@contextmanager
def git_daemon(folder: Path) -> Iterator[str]:
    """A git daemon that takes pushes; the address of `folder`."""
    options = ["--export-all", "--enable=receive-pack", "--listen=127.0.0.1"]
    command = ["git", "daemon", *options, f"--base-path={folder}"]
    with _running(lambda port: [*command, f"--port={port}"]) as port:
        yield f"git://127.0.0.1:{port}"


@contextmanager
def http_server(folder: Path, credentials: str | None = None) -> Iterator[str]:
    """`git http-backend` behind a small server; asks for `credentials` (user:password) if given."""

    class Handler(_GitHandler):
        root = folder
        wanted = base64.b64encode(credentials.encode()).decode() if credentials else None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _GitHandler(BaseHTTPRequestHandler):
    root: Path
    wanted: str | None
    protocol_version = "HTTP/1.1"
    # else Nagle's algorithm waits 40 ms between head and body
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Tests are told by their results."""

    def _serve(self) -> None:
        body = self._body()
        if self.wanted and self.headers.get("Authorization") != f"Basic {self.wanted}":
            self._answer(401, {"WWW-Authenticate": 'Basic realm="test"'}, b"")
            return
        path, _, query = self.path.partition("?")
        environment = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "test",
            "REMOTE_ADDR": "127.0.0.1",
        }
        command = ["git", "http-backend"]
        done = subprocess.run(
            command, input=body, env=environment, capture_output=True, check=False
        )
        head, _, rest = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        status = int(fields.pop("Status", "200").split()[0])
        self._answer(status, fields, rest)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b"".join(self._chunks())
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, status: int, fields: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@dataclass(frozen=True)
class SshServer:
    """An sshd of our own, with keys of its own."""

    address: str
    keys: Path
    port: int

    def command(self, key: str = "key", control: str = "") -> str:
        """Value of GIT_SSH_COMMAND for who has this key; `control`: share one connection there."""
        hosts = self.keys / "known_hosts"
        words = ["ssh", "-F", "/dev/null", "-i", str(self.keys / key), "-o", "BatchMode=yes"]
        words += ["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"]
        words += ["-o", f"UserKnownHostsFile={hosts}"]
        if control:
            words += ["-o", "ControlMaster=auto", "-o", f"ControlPath={control}"]
            words += ["-o", "ControlPersist=30"]
        return " ".join(words)


@contextmanager
def ssh_server(folder: Path, keys: Path) -> Iterator[SshServer]:
    """An sshd that lets in who has `keys/key`, and not who has `keys/stranger`."""
    assert SSHD, "openssh-server is missing: scripts/setup --dev installs it"
    keys.mkdir(mode=0o700)
    for name in ("host", "key", "stranger"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(keys / name)]
        subprocess.run(make, check=True)
    shutil.copy(keys / "key.pub", keys / "authorized_keys")
    (keys / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1\nHostKey {keys / 'host'}\n"
        f"AuthorizedKeysFile {keys / 'authorized_keys'}\nPidFile none\nUsePAM no\n"
        "StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\nMaxStartups 200\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd's own empty folder, a service makes it else
    command = [SSHD, "-D", "-e", "-f", str(keys / "sshd_config")]
    with _running(lambda port: [*command, "-p", str(port)]) as port:
        (keys / "known_hosts").write_text(f"[127.0.0.1]:{port} {(keys / 'host.pub').read_text()}")
        yield SshServer(f"ssh://127.0.0.1:{port}{folder}", keys, port)


@contextmanager
def _running(command: Callable[[int], list[str]]) -> Iterator[int]:
    """A server on a free port, which may be another's before it takes it: then it ends."""
    for _ in range(_PORTS):
        port = _free_port()
        process = subprocess.Popen(
            command(port), stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        try:
            await_that(lambda: _is_open(port) or process.poll() is not None, "it listens")  # noqa: B023 - awaited here
            if process.poll() is None:
                yield port
                return
        finally:
            process.terminate()
            process.wait()
    raise AssertionError(f"{process.args!r} ended with {process.returncode}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True

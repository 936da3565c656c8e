"""Sources whose build fails, and what a reader has to be told of each."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

_PORT = "@PORT@"
_POM = "pom.xml"


@dataclass(frozen=True, slots=True)
class BrokenBuild:
    """A source and the options of its step; `code` None: this build has to succeed."""

    name: str
    files: Mapping[str, str]
    options: Mapping[str, Any]
    step: Mapping[str, Any]
    code: str | None
    retryable: bool = False
    says: Sequence[str] = ()
    """Parts of the step's reason."""
    excerpt: Sequence[str] = ()
    not_executable: Sequence[str] = field(default=())

    def write(self, folder: Path, port: int) -> None:
        """Write the source below `folder`; the server that it asks listens on `port`."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace(_PORT, str(port)), encoding="utf-8", newline="")
            runs = text.startswith("#!") and name not in self.not_executable
            path.chmod(0o755 if runs else 0o644)


def broken_builds(table: Path) -> Sequence[BrokenBuild]:
    """The cases of a YAML file, each with the files that all of them have.

    `pom_lines` replace lines of the common pom.xml by number; `without` names files to leave out.
    """
    content = yaml.safe_load(table.read_text(encoding="utf-8"))
    return [_case(case, content["files"], content.get("with", {})) for case in content["cases"]]


def _case(
    case: Mapping[str, Any], common: Mapping[str, str], options: Mapping[str, Any]
) -> BrokenBuild:
    files = {**common, **case.get("files", {})}
    if "pom_lines" in case:
        lines = files[_POM].split("\n")
        for number, line in case["pom_lines"].items():
            lines[number - 1] = line
        files[_POM] = "\n".join(lines)
    wanted = {
        name: case[name]
        for name in ("code", "retryable", "says", "excerpt", "not_executable")
        if name in case
    }
    return BrokenBuild(
        name=case["name"],
        files={name: text for name, text in files.items() if name not in case.get("without", ())},
        options={**options, **case.get("with", {})},
        step=case.get("step", {}),
        **wanted,
    )


@contextmanager
def maven_repository() -> Iterator[int]:
    """A server on 127.0.0.1; gives its port.

    `/sNNN/…` answers with that status, everything else with a file whose checksum does not fit.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), _Repository) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class _Repository(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = re.match(r"/s(\d{3})/", self.path)
        content = b"" if status else b"0" * 40
        self.send_response(int(status[1]) if status else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass

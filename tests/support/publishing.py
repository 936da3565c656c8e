"""A published apt repository: its key, its clients, and the step that publishes there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import Any

from common.digests import file_digests
from common.settings.destinations import Destination
from common.settings.ssh_hosts import SshHost
from pipelines.domain.pipeline import StepResult
from pipelines.steps.publish.step import PUBLISH, PublishOptions
from pipelines.workspace.layout import Workspace
from tests.support.apt_client import AptClient
from tests.support.debs import make_deb
from tests.support.gpg_keys import make_gpg_key
from tests.support.pipelines.tiny_package import step_context

GOOD = {"build-deb": {"grade": "clean", "install_test": {"installs": True}}}


class Site:
    """A repository, what is published there, and a client of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "apt"
        self.key = make_gpg_key(folder / "gnupg")
        self.destination = Destination(
            apt=str(self.root),
            signing_key="farm@example.org",
            gnupg_home=str(folder / "gnupg"),
            keep=2,
            valid=7 * 86400.0,
        )
        self._jobs = 0

    def publish(
        self,
        *packages: Path,
        upstream: Mapping[str, Mapping[str, Any]] = GOOD,
        untested: bool = False,
        **changed: Any,
    ) -> StepResult:
        self._jobs += 1
        return publish(
            self.folder / f"job{self._jobs}",
            packages,
            replace(self.destination, **changed),
            upstream=upstream,
            untested=untested,
        )

    def deb(self, version: str, text: str = "hello\n") -> Path:
        return make_deb(
            self.folder / f"made-{version}-{len(text)}", "tiny", version=version, text=text
        )

    def client(self, name: str = "client", url: str = "") -> AptClient:
        return AptClient(self.folder / name, url or f"file:{self.root}", self.key)


def publish(
    state: Path,
    packages: Sequence[Path],
    destination: Destination,
    *,
    upstream: Mapping[str, Mapping[str, Any]] = GOOD,
    untested: bool = False,
    hosts: Mapping[str, SshHost] = MappingProxyType({}),
    job: str = "job_1",
) -> StepResult:
    """Run the step for a job with these packages."""
    workspace = Workspace(state, job, 1)
    workspace.packages.mkdir(parents=True)
    entries = []
    for package in packages:
        path = Path(shutil.copy(package, workspace.packages))
        digests = file_digests(path, ["sha256"]).by_algorithm
        name = str(path.relative_to(workspace.root))
        entries.append({"name": path.name, "path": name, "checksums": dict(digests)})
    workspace.manifest.write_text(json.dumps({"artifacts": entries, "provenance": {"attempt": 1}}))
    context = step_context(workspace, step="publish", upstream=upstream)
    context = replace(context, destinations={"site": destination}, ssh_hosts=hosts)
    return PUBLISH.run(PublishOptions(to="site", untested=untested), context)


class Server:
    """The repository over HTTP, as most clients read it."""

    def __init__(self, root: Path) -> None:
        handler = partial(QuietHandler, directory=str(root))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


def publish_in_process(site: Site, version: str, name: str) -> subprocess.Popen[bytes]:
    """The same in a process of its own."""
    package, state = site.deb(version), site.folder / name
    script = (
        "from pathlib import Path; from tests.support.publishing import publish\n"
        "from common.settings.destinations import Destination\n"
        f"publish(Path({str(state)!r}), [Path({str(package)!r})], {site.destination!r})\n"
    )
    return subprocess.Popen([sys.executable, "-c", script], start_new_session=True)


def good(done: subprocess.CompletedProcess[str]) -> None:
    """A client's command succeeded."""
    assert done.returncode == 0, done.stdout + done.stderr

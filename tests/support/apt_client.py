"""apt with folders of its own: what a machine that uses a published repository sees."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path


class AptClient:
    """`url` is that of the repository, `key` the file of its public key."""

    def __init__(self, folder: Path, url: str, key: Path, suite: str = "stable") -> None:
        for name in (
            "lists/partial",
            "cache/archives/partial",
            "etc/apt.conf.d",
            "etc/preferences.d",
        ):
            (folder / name).mkdir(parents=True)
        self._folder = folder
        (folder / "status").touch()
        self.sources = folder / "sources.list"
        self.sources.write_text(f"deb [signed-by={key}] {url} {suite} main\n")
        self._conf = folder / "apt.conf"
        self._conf.write_text(
            f'Dir::State "{folder}"; Dir::State::lists "{folder}/lists";\n'
            f'Dir::State::status "{folder}/status"; Dir::Cache "{folder}/cache";\n'
            f'Dir::Etc "{folder}/etc"; Dir::Etc::sourcelist "{self.sources}";\n'
            'APT::Sandbox::User ""; APT::Update::Error-Mode "any"; Acquire::Retries "0";\n'
            f'Dir::Log "{folder}";\n'
        )

    def update(self) -> subprocess.CompletedProcess[str]:
        """Fails for anything that a person should look at."""
        return self._run("apt-get", "-q", "update")

    def versions(self, package: str) -> list[str]:
        """Those that it could install, the newest first."""
        shown = self._run("apt-cache", "madison", package).stdout
        return re.findall(r"^\s*\S+ \|\s*(\S+) \|", shown, re.MULTILINE)

    def install_record(self, package: str, version: str) -> None:
        """As if it were installed."""
        (self._folder / "status").write_text(
            f"Package: {package}\nStatus: install ok installed\nVersion: {version}\n"
            "Architecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: x\n\n"
        )

    def pin(self, text: str) -> None:
        """Its preferences."""
        (self._folder / "etc/preferences").write_text(text)

    def candidate(self, package: str) -> str:
        """What it would install."""
        shown = self._run("apt-cache", "policy", package).stdout
        [found] = re.findall(r"^  Candidate: (\S+)$", shown, re.MULTILINE)
        return str(found)

    def simulated(self, *words: str) -> list[str]:
        """What it would do."""
        done = self._run("apt-get", "-s", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return re.findall(
            r"^(?:Inst|Remv) [^ ]+(?: \[[^]]+\])?(?: \(\S+)?", done.stdout, re.MULTILINE
        )

    def download(self, package: str, into: Path) -> subprocess.CompletedProcess[str]:
        """The package itself, compared with the index."""
        into.mkdir(exist_ok=True)
        return self._run("apt-get", "-q", "download", package, cwd=into)

    def _run(self, *argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "APT_CONFIG": str(self._conf), "LC_ALL": "C.UTF-8"}
        return subprocess.run(argv, cwd=cwd, env=env, check=False, capture_output=True, text=True)

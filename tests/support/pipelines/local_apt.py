"""An apt of a test's own: a repository in a folder, and a dpkg database that is not the host's."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_HOST = ("build-essential", "debhelper", "dpkg", "dpkg-dev")


@dataclass(frozen=True)
class LocalApt:
    env: dict[str, str]
    """Makes apt-get see nothing but this."""
    admindir: Path

    @property
    def folder(self) -> Path:
        return self.admindir.parent

    @property
    def root(self) -> Path:
        """Where its packages are unpacked."""
        return self.folder / "root"

    def install_log(self) -> str:
        return (self.folder / "dpkg.log").read_text()

    def installed(self, name: str) -> bool:
        status = (self.admindir / "status").read_text()
        return f"Package: {name}\nStatus: install ok installed\n" in status

    def add(self, name: str, version: str) -> None:
        """Put a package into the archive, and tell apt of it."""
        add_package(self.folder, name, version)
        _run(["apt-get", "-q", "update"], self.folder, self.env)

    def install(self, name: str) -> None:
        _run(["apt-get", "-q", "-y", "install", name], self.folder, self.env)


def make_local_apt(folder: Path, packages: dict[str, str], *, lists: bool = True) -> LocalApt:
    """`packages`: versions by name, all installable; `lists`: whether `apt-get update` has run."""
    (folder / "archive").mkdir(parents=True)
    (folder / "archive/Packages").touch()
    for name, version in packages.items():
        add_package(folder, name, version)
    apt = LocalApt({"APT_CONFIG": str(folder / "apt.conf")}, _admindir(folder))
    _configure(folder, apt)
    if lists:
        _run(["apt-get", "-q", "update"], folder, apt.env)
    return apt


def add_package(folder: Path, name: str, version: str) -> None:
    """A package with a configuration file that is another in each version."""
    archive, tree = folder / "archive", folder / "trees" / f"{name}-{version.replace(':', '-')}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\n"
        "Maintainer: Tiny Developers <tiny@example.org>\nDescription: for tests\n"
    )
    (tree / "DEBIAN/conffiles").write_text(f"/etc/{name}.conf\n")
    (tree / "etc").mkdir()
    (tree / f"etc/{name}.conf").write_text(f"of version {version}\n")
    _run(["dpkg-deb", "--build", "--root-owner-group", str(tree), str(archive)], tree)
    (archive / "Packages").write_text(_run(["dpkg-scanpackages", "--multiversion", "."], archive))


def _admindir(folder: Path) -> Path:
    """Some packages of the host, without their dependencies: enough for a build to be allowed."""
    admindir = folder / "admindir"
    for name in ("info", "updates", "triggers"):
        (admindir / name).mkdir(parents=True)
    shown = "Package: ${Package}\\nStatus: ${Status}\\nVersion: ${Version}\\n"
    shown += "Architecture: ${Architecture}\\nProvides: ${Provides}\\nMaintainer: x\\n"
    shown += "Description: x\\n\\n"
    status = _run(["dpkg-query", "-W", f"-f={shown}", *_HOST], folder)
    (admindir / "status").write_text(status.replace("Provides: \n", ""))
    (admindir / "available").touch()
    for name in _HOST:
        (admindir / "info" / f"{name}.list").touch()
    return admindir


def _configure(folder: Path, apt: LocalApt) -> None:
    for name in (
        "state/lists/partial",
        "cache/archives/partial",
        "root",
        "etc/apt.conf.d",
        "etc/preferences.d",
    ):
        (folder / name).mkdir(parents=True)
    (folder / "sources.list").write_text(f"deb [trusted=yes] file:{folder}/archive ./\n")
    (folder / "apt.conf").write_text(
        f"""
Dir::State "{folder}/state";
Dir::State::status "{apt.admindir}/status";
Dir::Cache "{folder}/cache";
Dir::Etc "{folder}/etc";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Log "{folder}";
APT::Sandbox::User "";
DPkg::Options {{ "--admindir={apt.admindir}"; "--instdir={folder}/root";
  "--log={folder}/dpkg.log"; "--force-not-root"; "--force-bad-path"; }};
"""
    )


def _run(argv: list[str], cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        argv,
        check=False,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

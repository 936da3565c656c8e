"""What this machine offers, as it finds out by itself."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from pipelines.tasks.labels import machine_labels


def jdk(folder: Path, name: str, version: str) -> None:
    home = folder / name
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "javac").touch()
    (home / "release").write_text(f'JAVA_VERSION="{version}"\n')


def test_jdks_by_their_first_number(tmp_path: Path) -> None:
    jdk(tmp_path, "jdk-17", "17.0.2")
    jdk(tmp_path, "another-17", "17.0.9")
    jdk(tmp_path, "jdk-8", "1.8.0_392")
    (tmp_path / "jre-21").mkdir()
    assert machine_labels((tmp_path,))["jdk"] == "8, 17"


def test_a_label_of_which_nothing_is_found_is_left_out(tmp_path: Path) -> None:
    assert "jdk" not in machine_labels((tmp_path,))
    assert "jdk" not in machine_labels((tmp_path / "nowhere",))


@pytest.mark.parametrize(("machine", "arch"), [("x86_64", "amd64"), ("riscv64", "riscv64")])
def test_architectures_have_debians_names(
    machine: str, arch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert machine_labels()["arch"] == arch


@pytest.mark.parametrize(
    ("release", "distro"),
    [
        (
            {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm"},
            "debian, debian-12, bookworm",
        ),
        ({"ID": "arch"}, "arch"),
    ],
)
def test_distributions_by_name_version_and_codename(
    release: dict[str, str], distro: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: release)
    assert machine_labels()["distro"] == distro


def test_a_machine_that_does_not_say_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> dict[str, str]:
        raise OSError("there is no /etc/os-release")

    monkeypatch.setattr(platform, "freedesktop_os_release", unknown)
    assert "distro" not in machine_labels()

"""A published apt repository under kills, builders at once and clients that look meanwhile."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.steps.debian.clean_root import _apt_sources as apt_sources
from pipelines.steps.debian.dependencies.host import this_host
from pipelines.steps.publish.place import Place
from tests.conftest import Farm
from tests.support.apt_client import AptClient
from tests.support.gpg_keys import make_gpg_key
from tests.support.publishing import Server, Site, good, publish_in_process

pytestmark = pytest.mark.skipif(
    not (shutil.which("apt-ftparchive") and shutil.which("gpg")), reason="needs apt-utils and gnupg"
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def server(site: Site) -> Iterator[Server]:
    site.root.mkdir()
    server = Server(site.root)
    yield server
    server.close()


def test_two_builders_at_once_wait_for_each_other(site: Site) -> None:
    running = [publish_in_process(site, f"1.{n}", f"at-once-{n}") for n in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    client = site.client()
    good(client.update())
    assert client.versions("tiny") == ["1.1", "1.0"]


def kill_rounds(site: Site, server: Server, rounds: int) -> None:
    seed = int(os.environ.get("TEST_SEED", str(random.randrange(10**6))))
    print(f"TEST_SEED={seed}")  # noqa: T201
    chance = random.Random(seed)
    client = site.client("http", server.url)
    began = time.monotonic()
    assert publish_in_process(site, "1.0", "round-0").wait() == 0
    longest = time.monotonic() - began
    for number in range(1, rounds + 1):
        version = f"1.{number}"
        process = publish_in_process(site, version, f"round-{number}")
        time.sleep(chance.uniform(longest / 3, longest))  # Python starts first
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        done = client.update()
        assert done.returncode == 0, (seed, number, done.stdout + done.stderr)
        assert client.versions("tiny"), (seed, number)
        site.publish(site.deb(version))
        good(client.update())
        assert client.versions("tiny")[0] == version
        good(client.download("tiny", site.folder / "got"))
    assert not list(site.root.glob("**/*.new"))


def test_a_kill_leaves_a_repository_that_apt_reads(site: Site, server: Server) -> None:
    kill_rounds(site, server, 3)


@pytest.mark.slow
def test_fifty_kills(site: Site, server: Server) -> None:
    kill_rounds(site, server, 50)


def test_clients_that_update_meanwhile_never_fail(site: Site, server: Server) -> None:
    client = site.client("http", server.url)
    site.publish(site.deb("1.0"))
    process = publish_in_process(site, "1.1", "meanwhile")
    updates = 0
    while process.poll() is None or not updates:
        good(client.update())
        updates += 1
    assert process.wait() == 0


def test_a_job_publishes_and_a_repeated_build_adds_nothing(site: Site, farm: Farm) -> None:
    """Through `doit build` and builder.yaml."""
    builder = farm.folder / "builder.yaml"
    home = site.destination.gnupg_home
    keys = f"signing_key: farm@example.org, gnupg_home: {home}"
    builder.write_text(
        f"{builder.read_text()}destinations:\n  site: {{apt: ./published, {keys}}}\n"
    )
    package = site.deb("1.0")
    farm.pipeline(
        f"""
        - {{name: pack, run: cp {package} .}}
        - {{uses: artifact-manifest, with: {{paths: [{package.name}]}}}}
        - {{uses: publish, with: {{to: site}}}}
        """
    )
    job = farm.enqueue()
    done = farm.doit("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "published 1 file to site" in done.stdout
    client = AptClient(site.folder / "client", f"file:{farm.folder}/published", site.key)
    good(client.update())
    assert client.versions("tiny") == ["1.0"]
    again = farm.doit("build", "--job", job)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "published nothing new to site" in again.stdout

    builder.write_text(builder.read_text().replace("apt: ./published, ", ""))
    wrong = farm.doit("jobs")
    assert wrong.returncode == 3
    assert "site: expected one of `apt`, `folder` and `s3`" in wrong.stderr


PIN = "Package: *\nPin: release o=build-coordination,n=stable\nPin-Priority: 1000\n"


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="needs chroot")
@pytest.mark.parametrize("codename", ["bookworm", "trixie"])
def test_a_clean_root_installs_upgrades_and_goes_back(
    site: Site, server: Server, codename: str
) -> None:
    """Debian's own apt and dpkg, in a root with nothing else: 12 checks with gpgv, 13 with sqv."""
    root = site.folder / "root"
    sources = [str(path) for path in apt_sources()] if codename == this_host().codename else []
    made = ["mmdebstrap", "--variant=apt", codename, str(root), *sources]
    subprocess.run(made, check=True)
    shutil.copy(site.key, root / "etc/apt/keyrings/farm.gpg")
    source = f"deb [signed-by=/etc/apt/keyrings/farm.gpg] {server.url} stable main\n"
    (root / "etc/apt/sources.list.d/farm.list").write_text(source)

    def in_root(script: str) -> str:
        done = subprocess.run(
            ["chroot", str(root), "sh", "-ec", script], check=False, capture_output=True, text=True
        )
        good(done)
        return done.stdout

    update = "apt-get -q -o APT::Update::Error-Mode=any update; "
    read = "; cat /usr/share/tiny/hello.txt"
    for version, text in {"1.0": "first\n", "1.1": "second\n"}.items():
        site.publish(site.deb(version, text))
        done = in_root(f"{update} apt-get -q -y install tiny {read}")
        assert done.endswith(text)

    Place("site", site.destination, {}).offer("job-1", [site.deb("1.0", "first\n")], go_back=True)
    assert "1.1" not in in_root(f"{update} apt-cache madison tiny").splitlines()[-1]
    upgrade = "apt-get -q -y --allow-downgrades dist-upgrade"
    assert in_root(f"{upgrade} {read}").endswith("second\n"), "what is installed stays"
    (root / "etc/apt/preferences.d/farm").write_text(PIN)
    assert in_root(f"{upgrade} {read}").endswith("first\n")
    (root / "etc/apt/preferences.d/farm").unlink()
    assert in_root(f"apt-get -q -y purge tiny; apt-get -q -y install tiny {read}").endswith(
        "first\n"
    )
    site.publish(site.deb("1.1+really1.0", "again\n"))
    assert in_root(f"{update} {upgrade} {read}").endswith("again\n")
    foreign = make_gpg_key(site.folder / "other")
    shutil.copy(foreign, root / "etc/apt/keyrings/farm.gpg")
    assert subprocess.run(["chroot", str(root), "sh", "-c", update], check=False).returncode

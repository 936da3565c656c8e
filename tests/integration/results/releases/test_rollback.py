"""`doit promote` and `doit rollback`, and what apt's clients see of them."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Farm
from tests.support.apt_client import AptClient
from tests.support.debs import EPOCH
from tests.support.publishing import Site
from tests.support.ssh_keys import make_key

pytestmark = pytest.mark.skipif(
    not (shutil.which("apt-ftparchive") and shutil.which("gpg")), reason="needs apt-utils and gnupg"
)


class Releases:
    """A farm whose jobs publish one version each to `testing`; `stable` is beside it."""

    def __init__(self, farm: Farm, site: Site) -> None:
        self.farm, self.site = farm, site
        self.root = farm.folder / "published"
        self._clients = 0
        keys = f"signing_key: farm@example.org, gnupg_home: {site.destination.gnupg_home}"
        builder = farm.folder / "builder.yaml"
        builder.write_text(
            f"{builder.read_text()}destinations:\n"
            f"  testing: {{apt: ./published, suite: testing, {keys}}}\n"
            f"  site: {{apt: ./published, {keys}, valid: 7d}}\n"
            "  drop: {folder: ./drop}\n"
        )

    def build(self, version: str, to: str = "testing") -> str:
        package = self.site.deb(version)
        self.farm.pipeline(
            f"""
            - {{name: pack, run: cp {package} .}}
            - {{uses: artifact-manifest, with: {{paths: [{package.name}]}}}}
            - {{uses: publish, with: {{to: {to}}}}}
            """
        )
        job = self.farm.enqueue()
        done = self.farm.doit("build")
        assert done.returncode == 0, done.stdout + done.stderr
        return job

    def client(self, suite: str = "stable") -> AptClient:
        self._clients += 1
        return AptClient(
            self.site.folder / f"client-{self._clients}", f"file:{self.root}", self.site.key, suite
        )

    def acts(self, *words: str) -> dict[str, Any]:
        done = self.farm.doit(*words, "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def refused(self, *words: str, code: int, why: str) -> None:
        before = self.index()
        done = self.farm.doit(*words)
        assert done.returncode == code, done.stdout + done.stderr
        assert why in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert self.index() == before

    def index(self) -> list[str]:
        return sorted(str(path.readlink()) for path in self.root.glob("dists/*"))


@pytest.fixture
def releases(farm: Farm, tmp_path: Path) -> Releases:
    return Releases(farm, Site(tmp_path))


def seen(client: AptClient) -> list[str]:
    done = client.update()
    assert done.returncode == 0, done.stdout + done.stderr
    return client.versions("tiny")


def test_from_testing_to_stable_and_back(releases: Releases) -> None:
    first, second = releases.build("1.0"), releases.build("1.1")
    stable, testing = releases.client(), releases.client("testing")
    done = releases.acts("promote", first, "--to", "stable", "--as", "Ann")
    assert (done["destination"], done["offered"]) == ("site", ["tiny 1.0 (all)"])
    assert seen(stable) == ["1.0"]
    assert releases.acts("promote", second, "--to", "site")["withdrawn"] == []
    assert seen(stable) == ["1.1", "1.0"]
    assert seen(testing) == ["1.1", "1.0"]

    words = ("--to", "site", "--as", "Ann", "--reason", "1.1 eats mails")
    back = releases.acts("rollback", first, *words)
    assert (back["offered"], back["withdrawn"]) == ([], ["tiny 1.1 (all)"])
    assert seen(stable) == ["1.0"], "a client that had seen the newer state"
    assert seen(testing) == ["1.1", "1.0"], "the other suite is as it was"

    listed = json.loads(releases.farm.doit("publications", "--json").stdout)
    assert [one["act"] for one in listed] == ["rollback", "promote", "promote"]
    assert listed[0] == {key: value for key, value in back.items() if key != "signed_by"}
    assert (listed[0]["by"], listed[0]["reason"]) == ("Ann", "1.1 eats mails")
    assert "1.1 eats mails" in releases.farm.doit("publications").stdout
    places = json.loads(releases.farm.doit("artifacts", "--json").stdout)
    assert {one["job"]: one["destinations"] for one in places} == {
        job: ["site", "testing"] for job in (first, second)
    }


def test_a_tag_and_the_only_destination(releases: Releases) -> None:
    releases.build("1.0")
    tag = json.loads(releases.farm.doit("good-builds", "--json").stdout)[0]["tag"]
    releases.build("1.1")
    assert releases.acts("rollback", tag)["withdrawn"] == ["tiny 1.1 (all)"]
    assert seen(releases.client("testing")) == ["1.0"]


def test_files_come_back_from_the_builder_and_are_compared(releases: Releases) -> None:
    first = releases.build("1.0")
    releases.build("1.1")
    [pooled] = releases.root.glob("pool/*/*/*/tiny_1.0_all.deb")
    content = pooled.read_bytes()
    pooled.write_bytes(content[:-1] + b"?")
    releases.acts("rollback", first)
    assert pooled.read_bytes() == content
    client = releases.client("testing")
    assert seen(client) == ["1.0"]
    assert client.download("tiny", releases.site.folder / "got").returncode == 0


def test_a_build_that_is_not_what_its_job_made_is_refused(releases: Releases) -> None:
    farm = releases.farm
    job = releases.build("1.0")
    releases.refused("promote", "nothing", "--to", "site", code=3, why="unknown job 'nothing'")
    releases.refused("promote", job, "--to", "sit", code=3, why="unknown destination 'sit'")
    releases.refused("promote", job, code=3, why="--to expects a destination")
    releases.refused("rollback", job, "--to", "site", code=3, why="was never published to site")
    releases.refused("rollback", "build-success-x", code=3, why="unknown tag 'build-success-x'")

    [pooled] = releases.root.glob("pool/*/*/*/*.deb")
    made = next((farm.folder / "state").rglob("tiny_1.0_all.deb"))
    content = made.read_bytes()
    pooled.unlink()
    made.write_bytes(content[:-1] + b"?")
    to = ("promote", job, "--to", "site")
    releases.refused(*to, code=6, why="its content differs from the manifest (sha256, sha512)")
    made.unlink()
    releases.refused(*to, code=6, why="tiny_1.0_all.deb is missing; nothing was changed.")
    made.write_bytes(content)

    key = make_key(farm.folder / "foreign")
    (farm.folder / "signers").write_text(f"build1 {key}\n")
    builder = farm.folder / "builder.yaml"
    plain = builder.read_text()
    builder.write_text(f"{plain}allowed_signers: ./signers\n")
    releases.refused(*to, code=6, why="the manifest is not signed; nothing was changed.")
    builder.write_text(plain)

    [path] = [path for path in farm.files() if path.endswith("-manifest.json")]
    kept = farm.read(path)
    farm.write(path, kept.replace('"size_bytes": ', '"size_bytes": 1'))
    releases.refused(*to, code=1, why="was changed after the attempt ended")
    farm.write(path, f"{kept}\n")
    releases.acts(*to)


def test_the_pointer_of_a_folder(releases: Releases) -> None:
    jobs = [releases.build(version, "drop") for version in ("1.0", "1.1")]
    pointer = releases.farm.folder / "drop/current"
    assert pointer.readlink() == Path(f"{jobs[1]}-1")
    assert releases.acts("rollback", jobs[0])["offered"] == [f"{jobs[0]}-1"]
    assert (pointer / "tiny_1.0_all.deb").is_file()
    again = releases.farm.doit("rollback", jobs[0])
    assert "drop: offers this build already" in again.stdout
    promoted = releases.acts("promote", releases.build("1.2"), "--to", "drop")
    assert promoted["offered"] == [str(pointer.readlink())]
    assert (pointer / "manifest.json").is_file()


def test_a_clients_way_back(releases: Releases) -> None:
    """apt keeps what is installed, unless a pin says otherwise, or a higher version comes."""
    first = releases.build("1.0")
    releases.build("1.1")
    releases.acts("rollback", first)
    client = releases.client("testing")
    client.install_record("tiny", "1.1")
    assert seen(client) == ["1.0"]
    assert client.candidate("tiny") == "1.1"
    assert client.simulated("dist-upgrade") == []
    client.pin("Package: *\nPin: release o=build-coordination,n=testing\nPin-Priority: 1000\n")
    assert client.candidate("tiny") == "1.0"
    assert client.simulated("dist-upgrade") == ["Inst tiny [1.1] (1.0"]
    client.pin("")
    releases.build("1.1+really1.0")
    assert seen(client) == ["1.1+really1.0", "1.0"]
    assert client.simulated("upgrade") == ["Inst tiny [1.1] (1.1+really1.0"]


def test_the_record_of_an_act_that_fails(releases: Releases) -> None:
    job = releases.build("1.0")
    home = Path(str(releases.site.destination.gnupg_home))
    home.rename(home.with_name("away"))
    releases.refused("promote", job, "--to", "site", code=1, why="gpg failed with exit code 2")
    home.with_name("away").rename(home)
    [listed] = json.loads(releases.farm.doit("publications", "--json").stdout)
    assert listed["problem"].startswith("gpg failed with exit code 2")
    assert "failed" in releases.farm.doit("publications").stdout
    [place] = json.loads(releases.farm.doit("artifacts", "--json").stdout)
    assert place["destinations"] == ["testing"]


def test_an_index_that_expires_soon_is_renewed_without_a_publication(releases: Releases) -> None:
    releases.acts("promote", releases.build("1.0"), "--to", "site")
    link = releases.root / "dists/stable"
    assert releases.acts("housekeeping")["renewed"] == []
    for words in (("housekeeping",), ("work", "--until-idle")):
        before = link.readlink()
        os.utime(link / "InRelease", (EPOCH, EPOCH))
        done = releases.farm.doit(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "index of destination site" in done.stdout + done.stderr
        assert link.readlink() != before
        assert seen(releases.client()) == ["1.0"]


def test_the_tag_of_an_attempt_that_another_one_replaced(releases: Releases) -> None:
    farm = releases.farm
    (farm.folder / "text").write_text("first\n")
    farm.without_sandbox()
    farm.pipeline(
        f"""
        - {{name: pack, run: cp {farm.folder}/text made.txt}}
        - {{uses: artifact-manifest, with: {{paths: [made.txt]}}}}
        - {{uses: publish, with: {{to: drop}}}}
        """
    )
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0
    [one] = json.loads(farm.doit("good-builds", "--json").stdout)
    (farm.folder / "text").write_text("second\n")
    done = farm.doit("rerun", job, "--from", "pack")
    assert done.returncode == 0, done.stdout + done.stderr
    why = "attempt 1 is stale: attempt 2 on build1 succeeded; nothing was changed."
    releases.refused("rollback", one["tag"], code=6, why=why)
    assert releases.acts("rollback", job)["attempt"] == 2


@pytest.mark.slow
def test_a_kill_while_it_goes_back_or_forward(releases: Releases) -> None:
    seed = int(os.environ.get("TEST_SEED", str(random.randrange(10**6))))
    print(f"TEST_SEED={seed}")  # noqa: T201
    chance = random.Random(seed)
    first, second = releases.build("1.0"), releases.build("1.1")
    client = releases.client("testing")
    began = time.monotonic()
    releases.farm.start("rollback", first).communicate()
    longest = time.monotonic() - began
    for _ in range(5):
        for words, offered in (
            (("promote", second, "--to", "testing"), ["1.1", "1.0"]),
            (("rollback", first), ["1.0"]),
        ):
            process = releases.farm.start(*words)
            time.sleep(chance.uniform(longest / 4, longest))  # Python starts first
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert seen(client) in (["1.0"], ["1.1", "1.0"]), seed
            releases.acts(*words)
            assert seen(client) == offered, seed

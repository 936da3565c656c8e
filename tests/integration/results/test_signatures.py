"""A builder signs its manifest, and other hosts accept only that."""

from __future__ import annotations

import json
import subprocess

from tests.conftest import Farm
from tests.support.ssh_keys import make_key


def configured(farm: Farm, **settings: str) -> None:
    path = farm.folder / "builder.yaml"
    own = ("signing_key:", "allowed_signers:")
    kept = [line for line in path.read_text().splitlines() if not line.startswith(own)]
    path.write_text("\n".join([*kept, *(f"{k}: {v}" for k, v in settings.items())]) + "\n")


def test_a_signed_job(farm: Farm) -> None:
    own, foreign = (make_key(farm.folder / name) for name in ("own", "foreign"))
    signers = farm.folder / "signers"
    signers.write_text(f"build1 {own}\nbuild2 {foreign}\n")
    both = {"signing_key": "./own", "allowed_signers": "./signers"}

    configured(farm, allowed_signers="./signers")
    unsigned = farm.enqueue()
    assert farm.doit("build").returncode == 0
    refused = farm.doit("verify", unsigned)
    assert refused.returncode == 6
    assert "the manifest is not signed" in refused.stdout
    fetched = farm.doit("fetch", unsigned, "-o", str(farm.folder / "no"))
    assert fetched.returncode == 1
    assert f"job {unsigned}: the manifest is not signed; nothing was copied." in fetched.stderr

    configured(farm, **both)
    job, target = farm.enqueue(), farm.folder / "here"
    assert farm.doit("build").returncode == 0
    verified = farm.doit("verify", job)
    assert verified.returncode == 0, verified.stdout
    assert "verified, signed by SHA256:" in verified.stdout
    assert farm.doit("fetch", job, "-o", str(target)).returncode == 0
    [manifest] = target.glob("*-manifest.json")
    words = ["-f", str(signers), "-I", "build1", "-n", "manifest@build-coordination"]
    subprocess.run(
        ["ssh-keygen", "-Y", "verify", *words, "-s", f"{manifest}.sig"],
        input=manifest.read_bytes(),
        check=True,
    )

    keys = json.loads(farm.doit("keys", "--json").stdout)
    assert keys["signing_key"]["trusted"] is True
    assert keys["signing_key"]["fingerprint"] in verified.stdout

    for lines, why in {
        f"build2 {foreign}": "signed by an unknown key",
        f"build2 {own}": "signed by the key of build2, not by build1",
        f'build1 valid-before="20200101" {own}': "was not valid at",
    }.items():
        signers.write_text(f"{lines}\n")
        done = farm.doit("verify", job)
        assert done.returncode == 6
        assert why in done.stdout


def test_a_key_that_is_gone_at_the_end_fails_the_job_with_one_line(farm: Farm) -> None:
    make_key(farm.folder / "own")
    configured(farm, signing_key="./own")
    farm.without_sandbox()
    farm.pipeline(
        f"""
        - {{name: first, run: "rm {farm.folder}/own; cp hello made.txt"}}
        - {{uses: artifact-manifest, with: {{paths: [made.txt]}}}}
        """
    )
    job = farm.enqueue()
    done = farm.doit("build")
    assert done.returncode == 1
    assert f"job {job} failed: step publish-status: cannot sign with" in done.stdout
    assert "bug" not in done.stdout


def test_a_key_that_cannot_sign_is_told_before_a_job_is_claimed(farm: Farm) -> None:
    job = farm.enqueue()
    configured(farm, signing_key="./gone")
    refused = farm.doit("enqueue", "--pipeline", "ledger", "--branch", "main")
    assert (refused.returncode, "cannot sign with" in refused.stderr) == (3, True)
    done = farm.doit("build")
    assert done.returncode == 3
    assert "cannot sign with" in done.stderr
    assert farm.job(job)["status"] == "queued"

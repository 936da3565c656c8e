"""The builder's disk fills up under a build: one clear line, and a rerun that goes on."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from tests.conftest import HOME, PATIENCE, Farm

BUILDS = """
mkdir -p {state} && mount -t tmpfs -o size=6m none {state} || exit 99
{doit} build; echo code $?
rm {state}/build1/jobs/*/build/source/big; touch {ledger}.freed
{doit} build --job {job}; echo code $?
"""


@pytest.mark.parametrize(
    ("fills", "said", "times"),
    [
        pytest.param("cat /dev/zero > big || true", "no space is left on the disk for", 2,
                     id="the step gets over it, but can't be recorded"),
        pytest.param("cat /dev/zero > big", "no space is left on the disk", 1,
                     id="the step fails"),
    ],
)  # fmt: skip
def test_a_full_disk_ends_the_build_and_the_rerun_goes_on(
    farm: Farm, fills: str, said: str, times: int
) -> None:
    """On a small disk of their own, in a mount namespace, which any user may have."""
    farm.second(f"[ -e {farm.ledger}.freed ] || {fills}; echo second >> $LEDGER")
    config = farm.folder / "builder.yaml"
    config.write_text(f"{config.read_text()}min_free: 0\n")
    job = farm.enqueue()
    words = {"state": farm.folder / "state", "ledger": farm.ledger, "job": job}
    script = BUILDS.format(doit=f"{sys.executable} -m doit", **quoted(words))

    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
        cwd=HOME, env=farm.environment, check=False, capture_output=True, text=True,
        timeout=PATIENCE,
    )  # fmt: skip
    if "unshare" in done.stderr or done.returncode == 99:
        pytest.skip(f"no mount namespace here: {done.stderr}")

    first, _, second = done.stdout.partition("code 1\n")
    assert second.endswith("code 0\n"), done.stdout + done.stderr
    told = [line for line in (first + done.stderr).splitlines() if said in line]
    assert told, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    if times == 2:
        assert f"job {job} is queued again: the run was aborted: no space is left" in first
    assert farm.ran() == ["first", *["second"] * times, "third"]
    assert farm.steps(job, attempt=2)["first"] == "up_to_date"
    assert farm.steps(job, attempt=2)["second"] == "succeeded"


def quoted(words: dict[str, object]) -> dict[str, str]:
    return {name: shlex.quote(str(word)) for name, word in words.items()}
